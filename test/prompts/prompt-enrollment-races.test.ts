// What changes between the check and the creation of a first device: the statement decides.

import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { createIntegration } from '../../src/doors/integrations.ts'
import { openEnrollmentWindow } from '../../src/enrollments/enrollment-windows.ts'
import { createRecoveryCodes, createTemporaryCode } from '../../src/passcodes/single-use-codes.ts'
import { enrollAtPrompt } from '../../src/prompts/enroll-at-prompt.ts'
import { type OwnPrompt, readOwnPrompt } from '../../src/prompts/own-prompt.ts'
import { readPromptEnrollment } from '../../src/prompts/read-prompt-enrollment.ts'
import { importUser } from '../../src/users/import-user.ts'
import { onServer } from '../support/cluster.ts'
import { until } from '../support/until.ts'
import {
  aPhone,
  aPrincipal,
  granted,
  inAnotherProcess,
  openWorld,
  type World,
} from '../support/world.ts'

let world: World
let principal: Principal
let user: Awaited<ReturnType<typeof createUser>>
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  principal = await aPrincipal(world)
  user = await createUser()
})

const initiator = { kind: 'browser', id: 'a-browser-that-nobody-knows' } as const
const sql = (text: string, values: readonly unknown[]) =>
  onServer(world.url, async (client) => (await client.query(text, [...values])).rows)

async function createUser() {
  const newcomer = { displayName: 'alice', identifiers: ['alice'] }
  return (await granted(importUser(world, principal, newcomer))).user
}
const codeOf = async () => (await granted(createTemporaryCode(world, principal, user.id))).code
const openWindow = () => granted(openEnrollmentWindow(world, principal, user.id, 60))

/** A prompt of the user, as its page reads it. */
async function aPrompt(isBound = true) {
  const { tenantId, rpId } = principal
  const { integration } = await granted(
    createIntegration(
      { ...world, realms: { fault: () => undefined } },
      { tenantId, rpId, actor: 'operator' },
      {
        rpId,
        name: 'Entra',
        settings: {
          kind: 'entra_external_mfa',
          cloud: 'global',
          entraTenantId: '11111111-2222-3333-4444-555555555555',
          applicationId: '99999999-8888-7777-6666-555555555555',
          ...{ asksAtOnce: true, codesAsOtp: false, enrollmentAllowed: true },
        },
      },
    ),
  )
  const secret = randomBytes(32).toString('base64url')
  const id = world.random.id('prompt')
  await world.prompts.open({
    ...{ tenantId, id, integrationId: integration.id, userName: 'alice', language: 'en' },
    request: {
      redirectUri: 'https://login.microsoftonline.com/common/federation/externalauthprovider',
      ...{ responseType: 'id_token', responseMode: 'form_post', state: 's', nonce: 'n' },
      ...{ codeChallenge: null, subject: 'sub', displayName: null, acr: null },
      ...{ askedMethods: null, isBound },
    },
    browserHash: createHash('sha256').update(secret).digest(),
    ...{ requestHash: randomBytes(32), hintHash: randomBytes(32), seconds: 600 },
  })
  return granted(readOwnPrompt(world, { tenantId, id, secret }))
}

const findEnrollments = () =>
  sql('select id from enrollments where user_id = $1 and opened_by_prompt_id is not null', [
    user.id,
  ])

/** Orders the enrollment; `change` happens when all has been read. */
async function enroll(own: OwnPrompt, code: string | null, change: () => Promise<unknown>) {
  let changes = 0
  const pushSignIn: World['pushSignIn'] = {
    ...world.pushSignIn,
    async find(...which) {
      const facts = await world.pushSignIn.find(...which)
      if (changes++ === 0) await change()
      return facts
    },
  }
  const answer = await enrollAtPrompt({ ...world, pushSignIn }, own, { code, initiator })
  expect(changes).toBeGreaterThan(0)
  return answer
}

const setPrompt = (change: string) => (own: OwnPrompt) =>
  sql(`update prompts set ${change} where id = $1`, [own.prompt.id])

// The turn of the user is taken: what happens meanwhile comes from another process.
const changes: readonly (readonly [string, (own: OwnPrompt) => Promise<unknown>])[] = [
  ['the user gets a device', () => aPhone(inAnotherProcess(world), principal)],
  [
    'the user gets recovery codes',
    () => granted(createRecoveryCodes(inAnotherProcess(world), principal, user.id)),
  ],
  [
    'the user is suspended',
    () => sql('update user_protections set suspended_at = now() where user_id = $1', [user.id]),
  ],
  [
    'the prompt is called off',
    (own) => world.prompts.end(own.prompt, { outcome: 'cancelled', evidence: null }),
  ],
  [
    'the integration is paused',
    (own) =>
      sql(`update integrations set status = 'paused' where id = $1`, [own.prompt.integrationId]),
  ],
  ['the time of the prompt is over', setPrompt('expires_at = clock_timestamp()')],
  [
    'the prompt shows its last number',
    setPrompt(`round = 2, challenge_id = 'chl_x', round_until = now() + interval '1 minute'`),
  ],
]

describe('nothing is enrolled where, after the check,', () => {
  const refusal = { refused: 'enrollment_not_allowed' }

  test.each(changes)('%s: by a window', async (_, change) => {
    await openWindow()
    const own = await aPrompt()
    expect(await enroll(own, null, () => change(own))).toEqual(refusal)
    expect(await findEnrollments()).toEqual([])
  })

  test.each(changes)('%s: by a code, which stays unused', async (_, change) => {
    const own = await aPrompt()
    expect(await enroll(own, await codeOf(), () => change(own))).toEqual(refusal)
    expect(await findEnrollments()).toEqual([])
    const kind = 'temporary_code'
    expect(
      await sql('select used_at from single_use_codes where user_id = $1 and kind = $2', [
        user.id,
        kind,
      ]),
    ).toEqual([{ used_at: null }])
  })

  test('the window is closed', async () => {
    await openWindow()
    const close = () =>
      world.enrollmentWindows.close({ tenantId: principal.tenantId, userId: user.id }, 'operator')
    expect(await enroll(await aPrompt(), null, close)).toEqual(refusal)
    expect(await findEnrollments()).toEqual([])
  })

  test('the window ends', async () => {
    await openWindow()
    const end = () =>
      sql('update user_protections set may_enroll_until = now() where user_id = $1', [user.id])
    expect(await enroll(await aPrompt(), null, end)).toEqual(refusal)
    expect(await findEnrollments()).toEqual([])
  })

  test.each([
    ['used', 'used_at = clock_timestamp()'],
    ['over', 'expires_at = clock_timestamp()'],
  ])('the code is %s', async (_, change) => {
    const code = await codeOf()
    const use = () => sql(`update single_use_codes set ${change} where user_id = $1`, [user.id])
    expect(await enroll(await aPrompt(), code, use)).toEqual(refusal)
    expect(await findEnrollments()).toEqual([])
  })
})

test('waits for who gives the user another factor at that moment, and then enrolls nothing', async () => {
  await openWindow()
  const own = await aPrompt()
  await onServer(world.url, async (other) => {
    await other.query('begin')
    await other.query('select from users where id = $1 for no key update', [user.id])
    const answer = enrollAtPrompt(world, own, { code: null, initiator })
    let isDone = false
    void answer.finally(() => {
      isDone = true
    })
    await until('it waits', async () => {
      const [row] = await sql('select count(*) from pg_locks where not granted', [])
      return isDone || row.count !== '0'
    })
    await other.query(
      `insert into single_use_codes (tenant_id, id, user_id, kind, hash, key_sealed)
       values ($1, $2, $3, 'recovery_code', 'x', 'x')`,
      [principal.tenantId, world.random.id('singleUseCode'), user.id],
    )
    await other.query('commit')
    expect(await answer).toEqual({ refused: 'enrollment_not_allowed' })
  })
  expect(await findEnrollments()).toEqual([])
})

test('the code of a colleague permits nothing, whatever was read of it before', async () => {
  const { tenantId, rpId } = principal
  const colleague = { displayName: 'bob', identifiers: ['bob'] }
  const { id: userId } = (await granted(importUser(world, principal, colleague))).user
  await codeOf()
  const [code] = await sql('select id from single_use_codes where user_id = $1', [user.id])
  const own = await aPrompt()
  const about = { userId, actor: 'operator' } as const
  const answer = await world.promptEnrollments.open({
    ...{ promptId: own.prompt.id, codesSealed: randomBytes(40) },
    enrollment: {
      ...{ tenantId, rpId, userId, id: world.random.id('enrollment') },
      ...{ codeAttemptsLeft: 5, wrongNumbersLeft: 3, confirmationRequired: true },
      ...{ replacesDeviceId: null, parentDeviceId: null },
      ...{ openedByDeviceId: null, openedBySessionId: null },
      ...{ codeHash: randomBytes(32), typedCodeHash: randomBytes(32), ttlSeconds: 60 },
      activity: activity({ ...about, type: 'prompt_enrollment_opened' }),
    },
    temporaryCode: {
      id: code.id,
      usedActivity: activity({ ...about, type: 'temporary_code_used' }),
    },
  })
  expect(answer).toBe('changed')
})

test('a press in another process finds what the first has opened, and uses up nothing', async () => {
  await openWindow()
  const own = await aPrompt()
  const command = { code: null, initiator }
  const presses = [world, inAnotherProcess(world), inAnotherProcess(world)].map((one) =>
    enrollAtPrompt(one, own, command),
  )
  expect(await Promise.all(presses)).toEqual(['open', 'open', 'open'])
  expect(await findEnrollments()).toHaveLength(1)
})

test('one code opens one of two prompts, whichever process each is in', async () => {
  const code = await codeOf()
  const owns = [await aPrompt(), await aPrompt()]
  const [first, second] = owns.map((own, at) =>
    enrollAtPrompt(at === 0 ? world : inAnotherProcess(world), own, { code, initiator }),
  )
  const answers = [await first, await second]
  expect(answers.filter((answer) => answer === 'open')).toHaveLength(1)
  expect(await findEnrollments()).toHaveLength(1)
})

test('a request that nobody signed enrolls nothing, whatever page would ask for it', async () => {
  await openWindow()
  const own = await aPrompt(false)
  const answer = await enrollAtPrompt(world, own, { code: await codeOf(), initiator })
  expect(answer).toEqual({ refused: 'enrollment_not_allowed' })
  expect([await findEnrollments(), await readPromptEnrollment(world, own)]).toEqual([[], null])
})
