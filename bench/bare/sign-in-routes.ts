// The endpoints of one sign-in, as bench/sign-in.ts calls them.

import { generateKeyPairSync, hash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Devices } from './devices.ts'
import { claimsOf, digest, encode, isSignedBy, nowSeconds, signJws } from './jws.ts'
import type { Pushes } from './push.ts'
import type { ChallengeRow, DeviceRow, Store } from './store.ts'

export type Dependencies = {
  readonly store: Store
  readonly devices: Devices
  readonly pushes: Pushes
  readonly apiKey: string
  readonly origin: () => string
}

const challengeLifeSeconds = 120
const text = { type: 'string' }
const answering = (properties: object) => ({
  schema: { response: { '2xx': { type: 'object', properties } } },
})
const headerOf = (typ: string) => encode(JSON.stringify({ alg: 'ES256', typ, kid: 'bare' }))
const requestHeader = headerOf('approval-request+jwt')
const resultHeader = headerOf('approval-result+jwt')
const { privateKey: signingKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

function keyCheck(apiKey: string) {
  const bytesOf = (key: string) => hash('sha256', key, 'buffer')
  const expectedKey = bytesOf(apiKey)
  return ({ headers: { authorization = '' } }: FastifyRequest) =>
    timingSafeEqual(bytesOf(authorization.replace('Bearer ', '')), expectedKey)
}

type Waiting = Map<string, (row: ChallengeRow) => void>

/** Registers everything that a sign-in calls, and an enrollment without a ceremony. */
export function addSignIn(app: FastifyInstance, needs: Dependencies): void {
  const waiting: Waiting = new Map()
  addAsking(app, needs)
  addAnswering(app, needs, waiting)
  addLongPoll(app, needs, waiting)
}

function addAsking(app: FastifyInstance, needs: Dependencies): void {
  const { store, devices, pushes, origin } = needs
  const mayAsk = keyCheck(needs.apiKey)

  app.post<{ Body: string }>('/bare/devices', async (request, reply) => {
    if (!mayAsk(request)) return reply.code(401).send({})
    const row = JSON.parse(request.body) as DeviceRow
    await store.addDevice(row)
    devices.remember(row)
    return {}
  })

  const creationReply = answering({ id: text, number: text })
  app.post<{ Body: string }>('/v1/challenges', creationReply, async (request, reply) => {
    if (!mayAsk(request)) return reply.code(401).send({})
    const { user, context } = JSON.parse(request.body) as { user: { id: string }; context: object }
    const device = devices.ofUser(user.id)
    if (!device) return reply.code(404).send({})
    const id = `chl_${randomBytes(16).toString('hex')}`
    const nonce = randomBytes(32).toString('base64url')
    const jti = randomBytes(16).toString('base64url')
    const number = String(randomInt(10, 100))
    const iat = nowSeconds()
    const exp = iat + challengeLifeSeconds
    const claims = { iss: origin(), aud: device.id, jti, iat, exp, cid: id, sub: device.userId }
    const payload = JSON.stringify({ ...claims, nonce, ctx: context, number: { digits: 2 } })
    const requestHash = digest(`${requestHeader}.${encode(payload)}`)
    const challenge = { id, deviceId: device.id, payload, requestHash, nonce, number, expires: exp }
    if (!(await store.create(challenge))) return reply.code(409).send({})
    pushes.send(device, id, exp)
    return reply.code(201).send({ id, number })
  })
}

function addAnswering(app: FastifyInstance, needs: Dependencies, waiting: Waiting): void {
  const { store } = needs
  const item = { type: 'object', properties: { id: text, request: text } }
  const items = answering({ items: { type: 'array', items: item } })
  app.get('/device/v1/challenges', items, async (request, reply) => {
    const device = signerOf(needs, request)
    if (!device) return reply.code(401).send({})
    const rows = await store.pending(device.id)
    const signRequest = (payload: string) => signJws(signingKey, requestHeader, payload)
    return { items: rows.map(({ id, payload }) => ({ id, request: signRequest(payload) })) }
  })

  type Answering = { Body: string; Params: { id: string } }
  const status = answering({ status: text })
  app.post<Answering>('/device/v1/challenges/:id/answer', status, async (request, reply) => {
    const answer = answerIn(needs, request)
    if (!answer) return reply.code(401).send({})
    const row = await store.decide(answer)
    if (!row) return reply.code(409).send({})
    waiting.get(row.id)?.(row)
    return { status: row.status }
  })
}

function addLongPoll(app: FastifyInstance, needs: Dependencies, waiting: Waiting): void {
  const { store } = needs
  const mayAsk = keyCheck(needs.apiKey)
  type LongPoll = { Params: { id: string }; Querystring: { wait?: string } }
  const statusReply = answering({ id: text, status: text, result: text })
  app.get<LongPoll>('/v1/challenges/:id', statusReply, async (request, reply) => {
    if (!mayAsk(request)) return reply.code(401).send({})
    const { id } = request.params
    const { promise: decision, resolve } = Promise.withResolvers<ChallengeRow | undefined>()
    // Before the statement: a decision between the two must not be missed.
    waiting.set(id, resolve)
    const timer = setTimeout(resolve, Number(request.query.wait ?? 0) * 1000, undefined)
    try {
      const challenge = await store.find(id)
      if (!challenge) return reply.code(404).send({})
      const row = challenge.status === 'pending' ? ((await decision) ?? challenge) : challenge
      return { id, status: row.status, ...(row.status !== 'pending' && resultOf(needs, row)) }
    } finally {
      clearTimeout(timer)
      waiting.delete(id)
    }
  })
}

function signerOf({ devices, origin }: Dependencies, request: FastifyRequest, body?: string) {
  const proof = String(request.headers['device-proof'])
  const call = { method: request.method, url: origin() + request.url, proof }
  return devices.whoSigned(body === undefined ? call : { ...call, body })
}

/** The answer in a call; undefined unless it is the device's own, signed by both of its keys. */
function answerIn(
  needs: Dependencies,
  request: FastifyRequest<{ Body: string; Params: { id: string } }>,
) {
  const { body, params } = request
  const device = signerOf(needs, request, body)
  if (!device) return undefined
  const { answer: jws } = JSON.parse(body) as { readonly answer: string }
  const { iss, sub, aud, cid, exp, nonce, rqh, dec, num } = claimsOf(jws)
  const isOwn = iss === device.id && sub === device.userId && aud === needs.origin()
  const isNow = cid === params.id && Number(exp) > nowSeconds()
  if (!isOwn || !isNow || !isSignedBy(device.verification, jws)) return undefined
  return {
    id: params.id,
    deviceId: device.id,
    status: dec === 'approve' ? ('approved' as const) : ('denied' as const),
    nonce: String(nonce),
    requestHash: String(rqh),
    number: String(num),
    jws,
  }
}

function resultOf({ origin }: Dependencies, { id, userId, deviceId, status }: ChallengeRow) {
  const iat = nowSeconds()
  const claims = { iss: origin(), aud: 'rp', jti: digest(id).slice(0, 22), iat, exp: iat + 60 }
  const resultClaims = {
    cid: id,
    sub: userId,
    did: deviceId,
    decision: status,
    amr: ['pop', 'user'],
  }
  return {
    result: signJws(signingKey, resultHeader, JSON.stringify({ ...claims, ...resultClaims })),
  }
}
