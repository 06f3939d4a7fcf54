-- The big one may be made beforehand: docs/runbook.md, Upgrade.

-- CreateIndex
CREATE INDEX IF NOT EXISTS "challenges_pending_of_user" ON "challenges"("tenant_id", "user_id") WHERE (status = 'pending' and decided_device_id is null);

-- CreateIndex
CREATE INDEX "webhook_deliveries_due" ON "webhook_deliveries"("tenant_id", "endpoint_id", "due_at") WHERE (status = 'queued' and settled_at is null);

-- DropIndex
DROP INDEX "challenges_pending_user";

-- DropIndex
DROP INDEX "webhook_deliveries_queued";
