// The facts of each route that a test needs for a real call; openapi.yaml says who may call it.

import type { ProblemCode } from '../../src/platform/http/problem-table.ts'
import {
  denialBy,
  newApp,
  newEndpoint,
  newIntegration,
  ownKeyAgain,
  type Scene,
} from './authorisation-scene.ts'
import type { Phone } from './running-service.ts'

export type RouteFacts = {
  /** A valid body for this scene; `caller` is the calling device, if any. */
  readonly body?: (scene: Scene, caller: () => Promise<Phone>) => unknown
  readonly query?: (scene: Scene) => Promise<string>
  /** The object that the path names, where its folder does not determine it. */
  readonly object?: (scene: Scene) => Promise<string>
  /** The refusal for permitted callers, where it is no success. */
  readonly granted?: ProblemCode
  /** The refusal for permitted callers that name foreign objects in the query or the body. */
  readonly foreign?: ProblemCode
  /** The outcome for every caller; for routes that are open to all. Null is a success. */
  readonly everybody?: ProblemCode | null
  /** True where the format of the route allows unknown members: they are ignored. */
  readonly openBody?: boolean
  /** For a route that is open to all pages of the service's own origin, and to none of others. */
  readonly ownPages?: boolean
}

const none: RouteFacts = {}
const open: RouteFacts = { everybody: null }
const reason = { reason: 'lost' }
/** Without the cookie of its browser, a prompt is none. */
const foreignPrompt: RouteFacts = { everybody: 'not_found' }
const foreignPress: RouteFacts = { ...foreignPrompt, ownPages: true }
/** Not a valid link or code. */
export const madeUpSecret = 'A'.repeat(43)
let names = 0
const fresh = () => `made-${++names}`
const userId = async (scene: Scene) => `?userId=${await scene.user()}`

/** Every route of openapi.yaml, by method and path. */
export const routeFacts: Readonly<Record<string, RouteFacts>> = {
  'GET /': open,
  'GET /.well-known/apple-app-site-association': { everybody: 'not_found' },
  'GET /.well-known/assetlinks.json': { everybody: 'not_found' },
  'GET /device/v1/activities': none,
  'POST /device/v1/activities/{id}/report': none,
  'GET /device/v1/challenges': none,
  'POST /device/v1/challenges/{id}/answer': {
    body: async ({ service, challenge }, caller) => {
      const issuer = `${service.origin}/t/${service.tenantId}`
      return { answer: await denialBy(await caller(), issuer, await challenge()) }
    },
  },
  'POST /device/v1/challenges/{id}/received': none,
  'GET /device/v1/devices': none,
  'DELETE /device/v1/devices/{id}': none,
  'POST /device/v1/diagnostics': { body: () => ({ appVersion: '1', text: 'x' }) },
  'POST /device/v1/enrollments': {
    body: async ({ lost }) => ({ replacesDeviceId: (await lost()).deviceId }),
    foreign: 'not_found',
  },
  'POST /device/v1/enrollments/claim': {
    body: async ({ service }, caller) => ({
      tenantId: service.tenantId,
      code: madeUpSecret,
      appId: 'com.example.app',
      device: { name: 'x', platform: 'ios', model: 'x', osVersion: '1', appVersion: '1.0.0' },
      keys: { possession: (await caller()).keys.possession.publicJwk },
      proofs: { possession: `e30.e30.${'A'.repeat(86)}` },
    }),
    everybody: 'enrollment_code_invalid',
  },
  'POST /device/v1/enrollments/confirm': {
    body: () => ({ number: '483920' }),
    granted: 'device_not_pending',
    foreign: 'device_not_pending',
  },
  'GET /device/v1/enrollments/{id}': { object: ({ nextEnrollment }) => nextEnrollment() },
  'GET /device/v1/keyset': none,
  'GET /device/v1/notification-preferences': none,
  'PUT /device/v1/notification-preferences': { body: () => ({ devices: 'in_app' }) },
  'GET /device/v1/push-pause': none,
  'PUT /device/v1/push-pause': { body: () => ({ until: null }) },
  'PUT /device/v1/push-token': { body: () => ({ push: null }) },
  'DELETE /device/v1/self': none,
  'GET /device/v1/self': none,
  'PATCH /device/v1/self': { body: () => ({ name: fresh() }) },
  'GET /device/v1/self/pushes': none,
  'POST /device/v1/pushes/{id}/received': none,
  'POST /device/v1/self/test-push': none,
  'POST /device/v1/self/keys': {
    body: async (_, caller) => ownKeyAgain(await caller()),
  },
  'GET /health/live': open,
  'GET /health/ready': open,
  'GET /me': none,
  'GET /me/devices/{id}': none,
  'POST /me/devices/{id}': { body: () => reason },
  'POST /me/devices/{id}/name': { body: () => ({ name: fresh() }) },
  'GET /me/devices/{id}/settings': none,
  'POST /me/devices/{id}/suspend': none,
  'POST /me/devices/{id}/test-push': { object: async ({ phone }) => (await phone()).deviceId },
  'GET /me/activities': none,
  'GET /me/activities/{id}': none,
  'POST /me/activities/{id}': none,
  'GET /me/codes': none,
  'POST /me/codes': { body: () => ({ insteadOf: '' }) },
  'GET /me/data': none,
  'POST /me/data/erasure': none,
  'POST /me/data/export': none,
  'GET /me/notifications': none,
  'POST /me/notifications': { body: () => ({ devices: 'in_app' }) },
  'POST /me/pause': { body: () => ({ hours: '0' }) },
  'GET /me/phones': none,
  'POST /me/phones': {
    body: async ({ lost }) => ({ replaces: (await lost()).deviceId }),
    foreign: 'not_found',
  },
  'GET /me/phones/{id}': none,
  'POST /me/phones/{id}/cancel': none,
  'GET /me/reported': none,
  'GET /me/sign-ins': none,
  'GET /me/sign-ins/{id}': none,
  'POST /me/sign-ins/{id}': none,
  'POST /me/sign-out': none,
  'GET /me/waiting': { everybody: 'portal_link_invalid', ownPages: true },
  'POST /me/waiting': { everybody: 'portal_link_invalid', ownPages: true },
  'POST /me/verify': {
    // No code at all costs no attempt.
    body: () => ({ next: 'codes', code: 'x' }),
    granted: 'passcode_wrong',
  },
  'GET /metrics': open,
  'GET /openapi.yaml': open,
  'GET /portal/v1/activities': none,
  'POST /portal/v1/activities/{id}/report': none,
  'GET /portal/v1/challenges': none,
  'POST /portal/v1/challenges/{id}/report': none,
  'GET /portal/v1/devices': none,
  'PATCH /portal/v1/devices/{id}': { body: () => ({ name: fresh() }) },
  'GET /portal/v1/devices/{id}/pushes': none,
  'POST /portal/v1/devices/{id}/suspend': none,
  'POST /portal/v1/devices/{id}/test-push': {
    object: async ({ phone }) => (await phone()).deviceId,
  },
  'POST /portal/v1/devices/{id}/unregister': { body: () => reason },
  'POST /portal/v1/enrollments': {
    body: async ({ lost }) => ({ replacesDeviceId: (await lost()).deviceId }),
    foreign: 'not_found',
  },
  'GET /portal/v1/enrollments/{id}': { object: ({ portalEnrollment }) => portalEnrollment() },
  'POST /portal/v1/enrollments/{id}/cancel': {
    object: ({ portalEnrollment }) => portalEnrollment(),
  },
  'POST /portal/v1/erasure-requests': none,
  'GET /portal/v1/export': none,
  'GET /portal/v1/me': none,
  'GET /portal/v1/notification-preferences': none,
  'PUT /portal/v1/notification-preferences': { body: () => ({ devices: 'in_app' }) },
  'GET /portal/v1/passcodes': none,
  'GET /portal/v1/push-pause': none,
  'PUT /portal/v1/push-pause': { body: () => ({ until: null }) },
  'POST /portal/v1/recovery-codes': { body: () => ({ insteadOf: null }) },
  'DELETE /portal/v1/sessions': none,
  'POST /portal/v1/sessions': {
    body: ({ service }) => ({ tenantId: service.tenantId, token: madeUpSecret }),
    everybody: 'portal_link_invalid',
    ownPages: true,
  },
  'POST /portal/v1/verification': {
    // No code at all costs no attempt.
    body: () => ({ code: 'x' }),
    granted: 'passcode_wrong',
  },
  'GET /t/{tenantId}/.well-known/jwks.json': open,
  'GET /device/v1/web-push-key': open,
  'GET /t/{tenantId}/enrol': open,
  'GET /t/{tenantId}/enroll': open,
  'GET /t/{tenantId}/logo': { everybody: 'not_found' },
  'GET /t/{tenantId}/me': { everybody: 'portal_link_invalid' },
  'GET /t/{tenantId}/me/{secret}': open,
  'GET /t/{tenantId}/me/sign-in/{rpId}': { everybody: 'portal_link_invalid' },
  'POST /t/{tenantId}/me/sign-in/{rpId}': {
    body: () => ({ name: fresh() }),
    everybody: 'portal_link_invalid',
    ownPages: true,
  },
  'POST /t/{tenantId}/me/{secret}': { everybody: 'portal_link_invalid', ownPages: true },
  'GET /t/{tenantId}/oidc/.well-known/openid-configuration': { everybody: 'not_found' },
  'GET /t/{tenantId}/oidc/authorize': { everybody: 'integration_invalid' },
  'POST /t/{tenantId}/oidc/authorize': {
    body: () => ({ scope: 'openid' }),
    everybody: 'integration_invalid',
    openBody: true,
  },
  'GET /t/{tenantId}/oidc/jwks': { everybody: 'not_found' },
  'GET /t/{tenantId}/portal': { everybody: 'portal_link_invalid' },
  'GET /t/{tenantId}/prompt/{id}': foreignPrompt,
  'POST /t/{tenantId}/prompt/{id}/again': foreignPress,
  'POST /t/{tenantId}/prompt/{id}/ask': foreignPress,
  'POST /t/{tenantId}/prompt/{id}/cancel': foreignPress,
  'GET /t/{tenantId}/prompt/{id}/code': foreignPrompt,
  'POST /t/{tenantId}/prompt/{id}/code': { ...foreignPress, body: () => ({ code: '123456' }) },
  'GET /t/{tenantId}/prompt/{id}/enroll': foreignPrompt,
  'POST /t/{tenantId}/prompt/{id}/enroll': { ...foreignPress, body: () => ({ code: '123456' }) },
  'GET /t/{tenantId}/prompt/{id}/enroll/events': foreignPress,
  'GET /t/{tenantId}/prompt/{id}/events': foreignPress,
  'POST /t/{tenantId}/prompt/{id}/more': foreignPress,
  'POST /t/{tenantId}/prompt/{id}/return': foreignPress,
  'GET /v1/api-keys': none,
  'POST /v1/api-keys': {
    body: async ({ party }) => ({ relyingPartyId: await party(), name: fresh() }),
    foreign: 'relying_party_unknown',
  },
  'POST /v1/api-keys/{id}/revoke': none,
  'POST /v1/api-keys/{id}/rotate': { body: () => ({}) },
  'GET /v1/apps': none,
  'POST /v1/apps': { body: ({ service }) => newApp(service, fresh()) },
  'DELETE /v1/apps/{id}': none,
  'GET /v1/apps/{id}': none,
  'PATCH /v1/apps/{id}': { body: () => ({ name: fresh() }) },
  'GET /v1/audit-events': none,
  'DELETE /v1/branding': { granted: 'not_found' },
  'GET /v1/branding': { granted: 'not_found' },
  'PUT /v1/branding': {
    body: () => ({ displayName: fresh(), accent: { light: '#0a5cc2', dark: '#79b8ff' } }),
  },
  'GET /v1/challenges': { query: userId, foreign: 'not_found' },
  'POST /v1/challenges': {
    body: async ({ user, phone }) => {
      await phone()
      return { user: { id: await user() } }
    },
    foreign: 'user_not_found',
  },
  'GET /v1/challenges/{id}': none,
  'POST /v1/challenges/{id}/cancel': none,
  'GET /v1/challenges/{id}/events': none,
  'GET /v1/challenges/{id}/evidence': { object: ({ decided }) => decided() },
  'POST /v1/challenges/{id}/resend': { granted: 'resend_too_soon' },
  'POST /v1/devices/unregister-by-time': {
    body: () => ({ from: '2001-01-01T00:00:00Z', to: '2001-01-02T00:00:00Z', reason: 'stolen' }),
  },
  'GET /v1/devices/{id}': none,
  'PATCH /v1/devices/{id}': { body: () => ({ status: 'suspended' }) },
  'GET /v1/devices/{id}/pushes': none,
  'GET /v1/devices/{id}/test-push': { object: ({ testPushed }) => testPushed() },
  'POST /v1/devices/{id}/test-push': { object: async ({ phone }) => (await phone()).deviceId },
  'POST /v1/devices/{id}/unregister': { body: () => reason },
  'POST /v1/enrollments': {
    body: async ({ user }) => ({ user: { id: await user() } }),
    foreign: 'not_found',
  },
  'GET /v1/diagnostics': none,
  'GET /v1/diagnostics/{id}': none,
  'GET /v1/integrations': none,
  'POST /v1/integrations': {
    body: async ({ party }) => ({ relyingPartyId: await party(), ...newIntegration(fresh()) }),
    foreign: 'relying_party_unknown',
  },
  'DELETE /v1/integrations/{id}': none,
  'GET /v1/integrations/{id}': none,
  'PATCH /v1/integrations/{id}': { body: () => ({ name: fresh() }) },
  'POST /integrations/keycloak/{id}': {
    body: ({ name }) => ({ login_hint: name }),
    openBody: true,
  },
  'POST /integrations/keycloak/{id}/{secret}': {
    body: ({ name }) => ({ login_hint: name }),
    openBody: true,
  },
  'POST /integrations/wait/{id}': {
    body: ({ name }) => ({ username: name }),
    granted: 'sign_in_refused',
  },
  'POST /v1/integrations/{id}/rotate': { body: () => ({ overlapSeconds: 0 }) },
  // Of another kind than those that can be tested.
  'POST /v1/integrations/{id}/test': { granted: 'invalid_request' },
  'GET /v1/enrollments/{id}': none,
  'POST /v1/enrollments/{id}/cancel': none,
  'GET /v1/policy': none,
  'PATCH /v1/policy': { body: () => ({ challengeTtlSeconds: 121 }) },
  'PUT /v1/policy': { body: () => ({ challengeTtlSeconds: 122 }) },
  'GET /v1/relying-parties': none,
  'PATCH /v1/relying-parties/{id}': { body: () => ({ returnOrigins: [] }) },
  'POST /v1/relying-parties': { body: () => ({ name: 'x', namespaces: [fresh()] }) },
  'GET /v1/relying-parties/{id}/policy': none,
  'PUT /v1/relying-parties/{id}/policy': { body: () => ({ challengeTtlSeconds: 60 }) },
  'GET /v1/reports': none,
  'POST /v1/reports/{id}/resolve': { body: () => ({ resolution: 'false_alarm' }) },
  'GET /v1/tenant': none,
  'PATCH /v1/tenant': { body: () => ({ identifierCase: 'fold_ascii' }) },
  'GET /v1/readiness': none,
  'GET /v1/users': none,
  'POST /v1/users': {
    body: async () => {
      const name = fresh()
      return { displayName: name, identifiers: [name] }
    },
  },
  'GET /v1/users/{userId}': none,
  'PATCH /v1/users/{userId}': { body: () => ({ status: 'suspended' }) },
  'GET /v1/users/{userId}/activities': none,
  'POST /v1/users/{userId}/activities': {
    body: () => ({ type: 'password_changed', severity: 'info', title: 'x' }),
  },
  'GET /v1/users/{userId}/devices': none,
  'POST /v1/users/{userId}/devices/unregister': {
    body: async ({ phone }) => {
      await phone()
      return reason
    },
  },
  'DELETE /v1/users/{userId}/enrollment-window': none,
  'GET /v1/users/{userId}/enrollment-window': none,
  'POST /v1/users/{userId}/enrollment-window': {
    body: () => ({ minutes: 60 }),
    granted: 'enrolled_before',
  },
  'POST /v1/users/{userId}/enrollments': { body: () => ({}) },
  'POST /v1/users/{userId}/erase': {
    object: async ({ user, phone }) => {
      await phone()
      return user()
    },
  },
  'GET /v1/users/{userId}/export': none,
  'GET /v1/users/{userId}/passcodes': none,
  'POST /v1/users/{userId}/passcodes/verify': {
    body: async ({ temporaryCode }) => ({ code: await temporaryCode() }),
  },
  'POST /v1/users/{userId}/portal-sessions': none,
  'GET /v1/users/{userId}/protection': none,
  'GET /v1/users/{userId}/push-sign-in': none,
  'PUT /v1/users/{userId}/push-sign-in': { body: () => ({ setting: 'off' }) },
  'GET /v1/users/{userId}/readiness': none,
  'POST /v1/users/{userId}/recovery-codes': { body: () => ({}) },
  'POST /v1/users/{userId}/temporary-codes': { body: () => ({}) },
  'POST /v1/users/{userId}/unlock': none,
  'GET /v1/webhook-endpoints': none,
  'POST /v1/webhook-endpoints': { body: () => newEndpoint },
  'DELETE /v1/webhook-endpoints/{id}': none,
  'GET /v1/webhook-endpoints/{id}': none,
  'PATCH /v1/webhook-endpoints/{id}': { body: () => ({ description: fresh() }) },
  'GET /v1/webhook-endpoints/{id}/attempts': none,
  'POST /v1/webhook-endpoints/{id}/replay': {
    body: () => ({ failedSince: '2026-01-01T00:00:00Z' }),
  },
  'POST /v1/webhook-endpoints/{id}/rotate-secret': { body: () => ({}) },
  'POST /v1/webhook-endpoints/{id}/test': none,
}

const madeUpId = '01jv9z3k8we2tvn4qh6yrx7b5c'

/** By the folder in the path: the kind of object, how to get an id, and an unknown id. */
export const folders: Readonly<
  Record<string, { readonly of: (scene: Scene) => Promise<string>; readonly unknown: string }>
> = {
  t: { of: async ({ service }) => service.tenantId, unknown: `tnt_${madeUpId}` },
  users: { of: ({ user }) => user(), unknown: `usr_${madeUpId}` },
  devices: { of: async ({ lost }) => (await lost()).deviceId, unknown: `dev_${madeUpId}` },
  challenges: { of: ({ challenge }) => challenge(), unknown: `chl_${madeUpId}` },
  phones: { of: ({ portalEnrollment }) => portalEnrollment(), unknown: `enr_${madeUpId}` },
  'sign-ins': { of: ({ challenge }) => challenge(), unknown: `chl_${madeUpId}` },
  enrollments: { of: ({ enrollment }) => enrollment(), unknown: `enr_${madeUpId}` },
  activities: { of: ({ activity }) => activity(), unknown: `act_${madeUpId}` },
  diagnostics: { of: ({ incident }) => incident(), unknown: `inc_${madeUpId}` },
  pushes: { of: ({ testPush }) => testPush(), unknown: `dlv_${madeUpId}` },
  reports: { of: ({ report }) => report(), unknown: `rpt_${madeUpId}` },
  apps: { of: ({ app }) => app(), unknown: `app_${madeUpId}` },
  keycloak: { of: ({ integration }) => integration(), unknown: `int_${madeUpId}` },
  wait: { of: ({ integration }) => integration(), unknown: `int_${madeUpId}` },
  integrations: { of: ({ integration }) => integration(), unknown: `int_${madeUpId}` },
  'api-keys': { of: ({ apiKey }) => apiKey(), unknown: `key_${madeUpId}` },
  'relying-parties': { of: ({ party }) => party(), unknown: `rp_${madeUpId}` },
  'webhook-endpoints': { of: ({ endpoint }) => endpoint(), unknown: `whe_${madeUpId}` },
}

/**
 * Objects of the whole tenant: each of its admins may change them, with a key of any relying party.
 */
export const tenantWide: ReadonlySet<string> = new Set([
  'diagnostics',
  'reports',
  'apps',
  'integrations',
  'api-keys',
  'relying-parties',
])
