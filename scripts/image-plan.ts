// What the Dockerfile says, line by line, and how a rehearsal without a container engine does it.

import { cp, mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'

/** The build context and the stages; each is a folder of that name. */
export type Place = 'context' | 'client' | 'image' | 'compiled'
/** Runs a step of scripts/image-steps.sh in a stage. */
export type RunStep = (stage: Place, step: string) => Promise<void>
type Line = {
  readonly line: string
  readonly carryOut?: (root: string, runStep: RunStep) => Promise<void>
}

const base = `node:${process.versions.node.split('.')[0]}-bookworm-slim`

/** Into a target that ends in `/` go files; any other becomes the copied folder. */
function copy(from: Place, sources: readonly string[], stage: Place, target: string): Line {
  const origin = from === 'context' ? '' : `--from=${from} /app/`
  return {
    line: `COPY ${origin}${sources.join(' ')} ${target}`,
    async carryOut(root) {
      for (const source of sources) {
        const into = target.endsWith('/') ? path.join(target, path.basename(source)) : target
        await cp(path.join(root, from, source), path.join(root, stage, into), { recursive: true })
      }
    },
  }
}

function run(stage: Place, step: string): Line {
  return {
    line: `RUN --mount=type=cache,target=/root/.npm sh scripts/image-steps.sh ${step}`,
    carryOut: (_root, runStep) => runStep(stage, step),
  }
}

/** Where the image keeps compiled code. */
const compiledCode = 'node_modules/.cache/countersign'

const plan: readonly Line[] = [
  { line: `FROM ${base} AS client` },
  { line: 'WORKDIR /app' },
  copy('context', ['scripts/image-steps.sh'], 'client', './scripts/'),
  copy('context', ['package.json', 'package-lock.json', 'prisma.config.ts'], 'client', './'),
  copy('context', ['prisma'], 'client', './prisma'),
  run('client', 'client'),
  copy('context', ['tsconfig.json'], 'client', './'),
  copy('context', ['scripts/build-web.ts'], 'client', './scripts/'),
  copy('context', ['web'], 'client', './web'),
  copy('context', ['clients/device/src'], 'client', './clients/device/src'),
  copy('context', ['src/platform/texts'], 'client', './src/platform/texts'),
  run('client', 'web'),
  { line: `FROM ${base} AS app` },
  { line: 'WORKDIR /app' },
  copy('context', ['scripts/image-steps.sh'], 'image', './scripts/'),
  copy('context', ['package.json', 'package-lock.json'], 'image', './'),
  run('image', 'install'),
  copy('context', ['prisma/migrations'], 'image', './prisma/migrations'),
  copy('context', ['src'], 'image', './src'),
  copy('context', ['web/look'], 'image', './web/look'),
  copy('client', ['src/generated'], 'image', './src/generated'),
  copy('client', ['web/dist'], 'image', './web/dist'),
  { line: 'FROM app AS compiled' },
  { line: 'USER node' },
  {
    line: 'RUN sh scripts/image-steps.sh compile /tmp/compiled',
    carryOut: (_root, runStep) => runStep('compiled', 'compile'),
  },
  { line: 'FROM app' },
  {
    line: `COPY --from=compiled /tmp/compiled ./${compiledCode}`,
    carryOut: (root) =>
      cp(path.join(root, 'compiled/code'), path.join(root, 'image', compiledCode), {
        recursive: true,
      }),
  },
  { line: 'USER node' },
  { line: 'EXPOSE 8080' },
]

/** How the image is started. */
export type ImageSettings = {
  readonly environment: Readonly<Record<string, string>>
  readonly healthcheck: readonly string[]
  readonly command: readonly string[]
}

/**
 * Reads the settings of the Dockerfile. Throws unless all its other lines are those of the plan, in
 * the same order: the rehearsal would be of another image.
 */
export function readDockerfile(text: string): ImageSettings {
  const settings = new Map<string, string>()
  const lines: string[] = []
  for (const line of text.split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
    const [, name, value = ''] = /^(ENV|HEALTHCHECK|CMD) (.*)$/.exec(line) ?? []
    if (name === undefined) lines.push(line)
    else if (settings.has(name)) throw new Error(`the Dockerfile has a second ${name}`)
    else settings.set(name, value)
  }
  const at = lines.findIndex((line, position) => line !== plan[position]?.line)
  if (at !== -1) {
    throw new Error(`scripts/image-plan.ts does not have this line in this place: ${lines[at]}`)
  }
  if (lines.length < plan.length) {
    throw new Error(`the Dockerfile lacks: ${plan[lines.length]?.line}`)
  }
  const command = (name: string) => JSON.parse((settings.get(name) ?? '').replace(/^--.* CMD /, ''))
  const pairs = (settings.get('ENV') ?? '').split(' ').map((pair) => pair.split('='))
  return {
    environment: Object.fromEntries(pairs),
    healthcheck: command('HEALTHCHECK'),
    command: command('CMD'),
  }
}

/** Builds `<root>/image` from the project. */
export async function buildImage(project: string, root: string, runStep: RunStep): Promise<void> {
  await copyContext(project, path.join(root, 'context'))
  for (const stage of ['client', 'image', 'compiled']) await mkdir(path.join(root, stage))
  for (const { line, carryOut } of plan) {
    if (!carryOut) continue
    console.log(`-- ${line}`)
    await carryOut(root, runStep)
  }
}

/** `.dockerignore` excludes everything but what it lists (`!name`), with exceptions of that. */
async function copyContext(project: string, context: string): Promise<void> {
  const text = await readFile(path.join(project, '.dockerignore'), 'utf8')
  const [all, ...lines] = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  if (all !== '*') throw new Error('.dockerignore must begin with *')
  const filter = (file: string) => !lines.includes(path.relative(project, file))
  for (const name of lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1))) {
    await cp(path.join(project, name), path.join(context, name), { recursive: true, filter })
  }
}
