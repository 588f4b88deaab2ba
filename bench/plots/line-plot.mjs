import { document, px, shortNumber, text, WIDTH } from './svg.mjs'

const HEIGHT = 420
const BOX = { left: 76, right: WIDTH - 24, top: 84, bottom: HEIGHT - 56 }

/**
 * Curves in double-logarithmic scale, each point with the range between its quartiles.
 *
 * @typedef {{ name: string, arm: string, dashed?: boolean, points: { x: number, y: import('../statistics.mjs').Spread }[] }} Series
 * @typedef {{ title: string, xLabel: string, yLabel: string, series: Series[] }} LinePlot
 *
 * @param {LinePlot} plot @returns {string} an SVG document
 */
export function linePlot({ title, xLabel, yLabel, series }) {
  const xs = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b)
  const ys = series.flatMap(({ points }) => points.flatMap(({ y }) => [y.low, y.high]))
  const toX = logScale(Math.min(...xs), Math.max(...xs), BOX.left + 12, BOX.right - 12)
  const ticks = yTicks(Math.min(...ys), Math.max(...ys))
  const toY = logScale(/** @type {number} */ (ticks[0]), /** @type {number} */ (ticks.at(-1)), BOX.bottom, BOX.top)
  return document(title, HEIGHT, [
    ...ticks.flatMap((tick) => [
      `<path class="grid" d="M${BOX.left} ${px(toY(tick))}H${BOX.right}"/>`,
      text({ x: BOX.left - 8, y: toY(tick) + 4, anchor: 'end', className: 'faint' }, shortNumber(tick)),
    ]),
    ...xs.map((x) =>
      text({ x: toX(x), y: BOX.bottom + 20, anchor: 'middle', className: 'faint' }, x.toLocaleString('en')),
    ),
    text({ x: (BOX.left + BOX.right) / 2, y: HEIGHT - 14, anchor: 'middle' }, xLabel),
    text({ x: 20, y: 50, className: 'faint' }, `${yLabel}, logarithmic`),
    ...legend(series),
    ...series.flatMap((one) => curve(one, toX, toY)),
  ])
}

/** @param {number} from @param {number} to @param {number} start @param {number} end @returns {(value: number) => number} */
function logScale(from, to, start, end) {
  const width = Math.log(to / from) || 1
  return (value) => start + ((end - start) * Math.log(value / from)) / width
}

/** 1, 2, 5, 10 … from below the lowest to above the highest. @param {number} low @param {number} high */
function yTicks(low, high) {
  const ticks = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const step of [1, 2, 5]) ticks.push(Number((step * 10 ** power).toPrecision(1)))
  }
  const first = ticks.findLastIndex((tick) => tick <= low)
  const last = ticks.findIndex((tick) => tick >= high)
  return ticks.slice(Math.max(0, first), last + 1)
}

/** @param {readonly Series[]} series */
function legend(series) {
  let x = 20
  return series.flatMap(({ name, arm, dashed }) => {
    const at = x
    x += 42 + name.length * 7
    const line = `<path class="line ${arm}${dashed ? ' dashed' : ''}" d="M${at} 66h22"/>`
    return [line, text({ x: at + 28, y: 70 }, name)]
  })
}

/** @param {Series} series @param {(value: number) => number} toX @param {(value: number) => number} toY */
function curve({ arm, dashed, points }, toX, toY) {
  const path = points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${px(toX(x))} ${px(toY(y.median))}`).join('')
  return [
    `<path class="line ${arm}${dashed ? ' dashed' : ''}" d="${path}"/>`,
    ...points.flatMap(({ x, y }) => [
      `<path class="range ${arm}" d="M${px(toX(x))} ${px(toY(y.low))}V${px(toY(y.high))}"/>`,
      `<circle class="mark ${arm}" cx="${px(toX(x))}" cy="${px(toY(y.median))}" r="3.5"/>`,
    ]),
  ]
}
