/** Redrawn at most this often, so that it costs nothing and can be read. */
const REDRAW_MS = 100
const BAR_CELLS = 24
const ERASE_LINE = '\r\u001b[K'

interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** How far a long work is, as one line on a terminal that is drawn over and over; nothing on anything else. */
export class ProgressBar {
  readonly #screen: Screen
  readonly #startedAt = performance.now()
  #drawnAt = Number.NEGATIVE_INFINITY

  constructor(screen: Screen) {
    this.#screen = screen
  }

  /** @param total an estimate; it may grow */
  show(done: number, total: number): void {
    const now = performance.now()
    if (!this.#screen.isTTY || now - this.#drawnAt < REDRAW_MS) return
    this.#drawnAt = now
    const line = progressLine(done, total, now - this.#startedAt)
    // A longer line would wrap, and could not be drawn over.
    this.#screen.write(ERASE_LINE + line.slice(0, (this.#screen.columns || 80) - 1))
  }

  /** Takes the line away. */
  end(): void {
    if (this.#drawnAt !== Number.NEGATIVE_INFINITY) this.#screen.write(ERASE_LINE)
    this.#drawnAt = Number.NEGATIVE_INFINITY
  }
}

/** ` 42% ██████████░░░░░░░░░░░░░░ 4,200/10,000  1,234/s  5 s left` */
export function progressLine(done: number, total: number, tookMs: number): string {
  const part = total > 0 ? Math.min(1, done / total) : 0
  const cells = Math.floor(part * BAR_CELLS)
  const bar = '█'.repeat(cells) + '░'.repeat(BAR_CELLS - cells)
  const perSecond = tookMs > 0 ? (done * 1_000) / tookMs : 0
  const left = perSecond > 0 ? `  ${duration((total - done) / perSecond)} left` : ''
  const counts = `${done.toLocaleString('en')}/${total.toLocaleString('en')}`
  return `${String(Math.floor(part * 100)).padStart(3)}% ${bar} ${counts}  ${rate(perSecond)}/s${left}`
}

function rate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString('en')
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds))
  if (whole < 60) return `${whole} s`
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`
}
