import { document, px, shortNumber, text, WIDTH } from './svg.mjs'

const LEFT = 190
const RIGHT = WIDTH - 90
const STEP = 34

/**
 * Horizontal bars from zero, each with the range between its quartiles.
 *
 * @typedef {{ title: string, label: string, bars: { name: string, arm: string, value: import('../statistics.mjs').Spread }[] }} BarPlot
 *
 * @param {BarPlot} plot @returns {string} an SVG document
 */
export function barPlot({ title, label, bars }) {
  const longest = Math.max(...bars.map(({ value }) => value.high))
  /** @param {number} value */
  const toX = (value) => LEFT + ((RIGHT - LEFT) * value) / longest
  const rows = bars.flatMap(({ name, arm, value }, row) => {
    const y = 70 + row * STEP
    return [
      text({ x: LEFT - 10, y: y + 15, anchor: 'end' }, name),
      `<rect class="bar ${arm}" x="${LEFT}" y="${y}" width="${px(toX(value.median) - LEFT)}" height="20"/>`,
      `<path class="grid" stroke-width="2" d="M${px(toX(value.low))} ${y + 10}H${px(toX(value.high))}"/>`,
      text({ x: toX(value.high) + 8, y: y + 15 }, shortNumber(value.median)),
    ]
  })
  return document(title, 80 + bars.length * STEP, [text({ x: 20, y: 50, className: 'faint' }, label), ...rows])
}
