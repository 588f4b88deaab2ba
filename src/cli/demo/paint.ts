import { styleText } from 'node:util'

const STYLES = { title: 'bold', channel: 'cyan', quiet: 'dim', trouble: 'yellow' } as const

/** Colours a text by its role where colours are wanted: on a terminal, unless NO_COLOR is set. */
export type Paint = (role: keyof typeof STYLES, text: string) => string

export function createPaint(stream: { readonly isTTY?: boolean }): Paint {
  const wanted = stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
  return wanted ? (role, text) => styleText(STYLES[role], text) : (_role, text) => text
}
