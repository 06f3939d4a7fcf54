// The person of a prompt types a code instead of answering on a device.

import type { Initiator } from '../domain/initiator.ts'
import { readTypedCode } from '../domain/passcode.ts'
import { isPromptOver } from '../domain/prompt.ts'
import { isRefusal, type Refusal, type RefusalCode, refuse } from '../domain/refusal.ts'
import {
  type Dependencies as VerifyDependencies,
  verifyPasscode,
} from '../passcodes/verify-passcode.ts'
import type { Clock } from '../platform/world.ts'
import type { UserStore } from '../users/user.store.ts'
import { endQuestion, type QuestionDependencies } from './cancel-prompt.ts'
import type { OwnPrompt } from './own-prompt.ts'
import type { PromptStore } from './prompt.store.ts'

export type Dependencies = VerifyDependencies &
  QuestionDependencies & {
    readonly prompts: Pick<PromptStore, 'end'>
    readonly users: Pick<UserStore, 'findByIdentifier'>
    readonly clock: Clock
  }

/**
 * What the page may say of a code. Only the holder of a right code gets anything but
 * `passcode_wrong`, which also stands for a person who does not exist, is locked or is suspended.
 */
export type CodeAnswer = Refusal<
  'passcode_wrong' | 'passcode_used' | 'passcode_expired' | 'passcode_clock_off' | 'challenge_ended'
>

const saidToHolders: readonly RefusalCode[] = [
  'passcode_used',
  'passcode_expired',
  'passcode_clock_off',
]

/**
 * Checks the code of the named person, and approves the prompt with it. Where the integration takes
 * no recovery and temporary codes, a text of their form ends the prompt: nobody is looked up, so
 * that this says nothing of a person, and no code is used up.
 */
export async function typeCode(
  dependencies: Dependencies,
  own: OwnPrompt,
  code: string,
  initiator: Initiator,
): Promise<'ended' | CodeAnswer> {
  const { prompt, client } = own
  const { tenantId, userName } = prompt
  if (isPromptOver(prompt, prompt.now)) return refuse('challenge_ended')
  if (readTypedCode(code)?.kind === 'single_use' && !client.settings.codesAsOtp) {
    return endPrompt(dependencies, own, { outcome: 'code_not_allowed', evidence: null })
  }
  const { namespace } = client.integration
  const user =
    userName === null
      ? null
      : await dependencies.users.findByIdentifier(tenantId, { namespace, value: userName })
  if (user === null) return refuse('passcode_wrong')
  const command = { userId: user.id, code, initiator }
  const acceptedCode = await verifyPasscode(dependencies, client.door, command)
  if (isRefusal(acceptedCode)) return whatIsSaid(acceptedCode)
  const evidence = { amr: ['otp'], verifiedAt: dependencies.clock.now() }
  return endPrompt(dependencies, own, { outcome: 'approved', evidence })
}

async function endPrompt(
  dependencies: Dependencies,
  own: OwnPrompt,
  end: Parameters<PromptStore['end']>[1],
): Promise<'ended' | Refusal<'challenge_ended'>> {
  if (!(await dependencies.prompts.end(own.prompt, end))) return refuse('challenge_ended')
  await endQuestion(dependencies, own)
  return 'ended'
}

function whatIsSaid({ refused }: Refusal): CodeAnswer {
  const code = saidToHolders.includes(refused) ? refused : 'passcode_wrong'
  return refuse(code as CodeAnswer['refused'])
}
