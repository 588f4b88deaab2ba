/** Something that waits until a test lets it go on. */
export interface Gate {
  /** Resolves once somebody waits at it. */
  readonly reached: Promise<void>
  open(): void
  pass(): Promise<void>
}

export function createGate(): Gate {
  let open!: () => void
  let reach!: () => void
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  return {
    reached,
    open,
    pass: () => {
      reach()
      return opened
    },
  }
}
