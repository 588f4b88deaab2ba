interface Sample {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|(?=\}))/y
const VALUE = / (-?[0-9.e+-]+|[+-]Inf|NaN)$/y

/** Reads Prometheus's text format 0.0.4 strictly: a line that is not by the format throws. */
export function parsePrometheusText(text: string): Sample[] {
  if (!text.endsWith('\n')) throw new Error('the last line is not ended')
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(parseLine)
}

function parseLine(line: string): Sample {
  let at = 0
  const take = (token: RegExp): RegExpExecArray | null => {
    token.lastIndex = at
    const found = token.exec(line)
    if (found !== null) at = token.lastIndex
    return found
  }
  const refuse = (): never => {
    throw new Error(`not a sample, from character ${at}: ${JSON.stringify(line)}`)
  }

  const name = take(NAME)?.[0] ?? refuse()
  const labels = new Map<string, string>()
  if (line[at] === '{') {
    at += 1
    while (line[at] !== '}') {
      const [, label = '', value = ''] = take(LABEL) ?? refuse()
      labels.set(label, unescapeLabel(value))
    }
    at += 1
  }
  const [, value = ''] = take(VALUE) ?? refuse()
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) }
}

function unescapeLabel(value: string): string {
  return value.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped))
}

/** The samples of one metric as its label `channel` → value. */
export function byChannel(samples: readonly Sample[], name: string): Map<string, number> {
  return new Map(
    samples.filter((sample) => sample.name === name).map(({ labels, value }) => [labels.get('channel') ?? '', value]),
  )
}
