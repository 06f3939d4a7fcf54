// countersign integrations test: the steps of a test as an operator reads them.

import { type IntegrationId, isId } from '../../domain/ids.ts'
import type { ConnectionTest } from '../../prompts/connection-test/test-connection.ts'
import { CommandError } from './cli-usage.ts'

/** The id of the integration; throws how to find it for anything else. */
export function readIntegrationId(text: string | undefined): IntegrationId {
  if (text !== undefined && isId('integration', text)) return text
  throw new CommandError(
    'Name the integration: countersign integrations test int_... (its id is printed when it is ' +
      'created, and listed by GET /v1/integrations)',
  )
}

/** One line a step, in words; what to do next below those that have not passed. */
export function testRows({ passed, steps }: ConnectionTest): Readonly<Record<string, string>> {
  const lines = steps.map(({ step, result, reason, meaning, advice }) => {
    if (reason === null) return [step, `passed: ${meaning}`]
    const what = result === 'failed' ? 'FAILED' : result
    return [step, `${what} (${reason}); expected: ${meaning}. Next: ${advice}`]
  })
  const failures = steps.filter(({ result }) => result === 'failed').length
  const conclusion = passed ? 'passed' : `${failures} of ${steps.length} steps failed`
  return { ...Object.fromEntries(lines), result: conclusion }
}
