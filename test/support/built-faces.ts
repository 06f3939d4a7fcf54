import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'

/** The faces as they are now, built once before the tests that open them. */
export async function setup(): Promise<void> {
  const script = path.resolve(import.meta.dirname, '../../scripts/build-web.ts')
  await promisify(execFile)(process.execPath, [script])
}
