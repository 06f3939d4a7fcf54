// The part of the Dockerfile language that this project uses. Anything else is rejected, so that a
// rehearsal never skips a step.

export type Step =
  | {
      readonly kind: 'copy'
      readonly from: string | null
      readonly sources: readonly string[]
      readonly target: string
    }
  | { readonly kind: 'run'; readonly command: string }
  | { readonly kind: 'workdir'; readonly folder: string }
  | { readonly kind: 'env'; readonly values: Readonly<Record<string, string>> }

export type Stage = {
  readonly name: string
  readonly image: string
  readonly steps: readonly Step[]
  readonly user: string | null
  readonly healthcheck: readonly string[] | null
  readonly command: readonly string[] | null
}

type Draft = { -readonly [Name in keyof Stage]: Stage[Name] } & { steps: Step[] }

/**
 * The stages in order. Throws at the first instruction or form that this parser does not support.
 */
export function parseDockerfile(text: string): readonly Stage[] {
  const stages: Draft[] = []
  const lines = text.replaceAll(/\\\n/g, ' ').split('\n')
  for (const line of lines.map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const [, word = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? []
    const instruction = word.toUpperCase()
    if (instruction === 'FROM') {
      stages.push(readFrom(rest, stages.length))
      continue
    }
    const stage = stages.at(-1)
    if (!stage) throw new Error(`no FROM before: ${line}`)
    read(stage, instruction, rest, line)
  }
  return stages
}

function readFrom(rest: string, position: number): Draft {
  const [image = '', as, name, ...more] = rest.split(/\s+/)
  if (more.length > 0 || (as && as.toUpperCase() !== 'AS'))
    throw new Error(`unknown form: FROM ${rest}`)
  const empty = { steps: [], user: null, healthcheck: null, command: null }
  return { ...empty, image, name: name ?? String(position) }
}

function read(stage: Draft, instruction: string, rest: string, line: string): void {
  if (instruction === 'COPY') stage.steps.push(readCopy(rest, line))
  else if (instruction === 'RUN') stage.steps.push({ kind: 'run', command: plain(rest, line) })
  else if (instruction === 'WORKDIR') stage.steps.push({ kind: 'workdir', folder: rest })
  else if (instruction === 'ENV') stage.steps.push({ kind: 'env', values: readEnv(rest, line) })
  else if (instruction === 'USER') stage.user = rest
  else if (instruction === 'CMD') stage.command = readList(rest, line)
  else if (instruction === 'HEALTHCHECK') {
    stage.healthcheck = readList(rest.replace(/^(--\S+\s+)*CMD\s+/, ''), line)
  } else if (instruction !== 'EXPOSE') throw new Error(`cannot rehearse: ${line}`)
}

function plain(rest: string, line: string): string {
  if (rest.startsWith('--') || rest.startsWith('[')) throw new Error(`unknown form: ${line}`)
  return rest
}

function readCopy(rest: string, line: string): Step {
  const words = rest.split(/\s+/)
  const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined
  const target = words.pop()
  const odd = words.some((word) => /^--|[*?[]/.test(word))
  if (target === undefined || words.length === 0 || odd) throw new Error(`unknown form: ${line}`)
  return { kind: 'copy', from: from ?? null, sources: words, target }
}

function readEnv(rest: string, line: string): Record<string, string> {
  const pairs = rest.split(/\s+/).map((pair) => /^([A-Z_]+)=([^"'$\\]*)$/.exec(pair))
  if (pairs.includes(null)) throw new Error(`unknown form: ${line}`)
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']))
}

function readList(rest: string, line: string): readonly string[] {
  try {
    const list: unknown = JSON.parse(rest)
    if (Array.isArray(list) && list.every((word) => typeof word === 'string')) return list
  } catch {
    // Refused below: the shell form is not rehearsed.
  }
  throw new Error(`only the list form is supported: ${line}`)
}
