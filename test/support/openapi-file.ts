import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** The contents of openapi.yaml, which take half a second to parse: once for all files of tests. */
// biome-ignore lint/suspicious/noExplicitAny: a parsed document
export const openApiFile: any = parse(
  readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'),
)
