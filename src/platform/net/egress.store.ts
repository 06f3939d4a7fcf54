export interface WebhookUrls {
  /**
   * Why this address is not allowed for webhooks, whatever its name resolves to; undefined when it
   * is.
   */
  fault(url: string): string | undefined
}
