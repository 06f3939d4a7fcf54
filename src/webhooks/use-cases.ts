// What callers can do with webhooks.

export {
  changeWebhookEndpoint,
  createWebhookEndpoint,
  listWebhookAttempts,
  listWebhookEndpoints,
  readWebhookEndpoint,
  removeWebhookEndpoint,
  replayWebhooks,
  rotateWebhookSecret,
  testWebhookEndpoint,
} from './webhook-endpoints.ts'
