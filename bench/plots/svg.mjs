/**
 * The frame that every plot shares: its own background in light and dark, so that it reads on any page.
 *
 * @typedef {import('../statistics.mjs').Spread} Spread
 */

export const WIDTH = 720

/** The colours of the arms in light and in dark. @type {Record<string, [light: string, dark: string]>} */
const COLOURS = {
  tidings: ['#1d4ed8', '#7aa7ff'],
  ioredis: ['#c2410c', '#fb9a5b'],
  'ioredis-auto': ['#15803d', '#6fcf8b'],
  'node-redis': ['#86198f', '#e29bea'],
  'tidings-append': ['#1d4ed8', '#7aa7ff'],
  'tidings-emit': ['#0e7490', '#5fd0e6'],
  append: ['#1d4ed8', '#7aa7ff'],
  history: ['#c2410c', '#fb9a5b'],
  resume: ['#15803d', '#6fcf8b'],
  send: ['#1d4ed8', '#7aa7ff'],
  list: ['#0e7490', '#5fd0e6'],
  read: ['#15803d', '#6fcf8b'],
  broadcast: ['#86198f', '#e29bea'],
  xrevrange: ['#c2410c', '#fb9a5b'],
}

const STYLE = [
  'text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-size:16px;font-weight:600}.faint{fill:#57606a}',
  '.ground{fill:#fff}.grid{stroke:#d0d7de;fill:none}.mark{fill:#fff;stroke-width:2}.line{fill:none;stroke-width:2}',
  '.range{stroke-width:1;opacity:.7}.dashed{stroke-dasharray:5 4}',
  ...Object.entries(COLOURS).map(([arm, [light]]) => `.${arm}{stroke:${light}}.bar.${arm}{fill:${light}}`),
  '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#9198a1}.ground,.mark{fill:#0d1117}.grid{stroke:#3d444d}',
  ...Object.entries(COLOURS).map(([arm, [, dark]]) => `.${arm}{stroke:${dark}}.bar.${arm}{fill:${dark}}`),
  '}',
].join('')

/** @param {string} text */
function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** @param {number} value at most three figures, with thousands separated */
export function shortNumber(value) {
  return new Intl.NumberFormat('en', {
    maximumSignificantDigits: 3,
    notation: value >= 1e5 ? 'compact' : 'standard',
  }).format(value)
}

/** @param {number} value */
export function px(value) {
  return String(Math.round(value * 10) / 10)
}

/** @param {{ x: number, y: number, anchor?: 'start' | 'middle' | 'end', className?: string }} place @param {string} content */
export function text({ x, y, anchor = 'start', className = '' }, content) {
  return `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}" class="${className}">${escapeXml(content)}</text>`
}

/** @param {string} title @param {number} height @param {readonly string[]} parts */
export function document(title, height, parts) {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title><style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>`,
    text({ x: 20, y: 28, className: 'title' }, title),
    ...parts,
    '</svg>\n',
  ].join('\n')
}
