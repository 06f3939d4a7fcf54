-- Made before the old ones go, so that only the last moment keeps readers out. `if not exists`: on a big database the
-- operator may make them beforehand without keeping anybody waiting (docs/runbook.md, Upgrade).

-- CreateIndex
CREATE INDEX IF NOT EXISTS "challenges_tenant_id_rp_id_status_id_idx" ON "challenges"("tenant_id", "rp_id", "status", "id");

-- CreateIndex
CREATE INDEX IF NOT EXISTS "challenges_expiring" ON "challenges"("expires_at") WHERE (status = 'pending' and decided_at is null);

-- CreateIndex
CREATE INDEX IF NOT EXISTS "deliveries_owed" ON "deliveries"("due_at") WHERE (status = 'queued' and settled_at is null);

-- CreateIndex
CREATE INDEX IF NOT EXISTS "user_identifiers_tenant_id_namespace_user_id_idx" ON "user_identifiers"("tenant_id", "namespace", "user_id");

-- CreateIndex
CREATE INDEX "keycloak_callbacks_unsettled" ON "keycloak_callbacks"("due_at") WHERE (status <> 'settled' and token_sealed is not null);

-- CreateIndex
CREATE INDEX "reports_tenant_id_status_id_idx" ON "reports"("tenant_id", "status", "id");

-- CreateIndex
CREATE INDEX "webhook_deliveries_going_stale" ON "webhook_deliveries"("stale_at") WHERE (status = 'queued' and settled_at is null);

-- CreateIndex
CREATE INDEX "webhook_deliveries_failed" ON "webhook_deliveries"("tenant_id", "endpoint_id", "occurred_at") WHERE (status = 'failed');

-- DropIndex
DROP INDEX "challenges_tenant_id_rp_id_id_idx";

-- DropIndex
DROP INDEX "challenges_pending_expiry";

-- DropIndex
DROP INDEX "deliveries_queued";

-- DropIndex
DROP INDEX "keycloak_callbacks_owed";

-- DropIndex
DROP INDEX "reports_open";

-- DropIndex
DROP INDEX "webhook_deliveries_stale";
