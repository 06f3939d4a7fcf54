-- DropIndex
DROP INDEX "audit_events_tenant_id_subject_idx";

-- CreateIndex
CREATE INDEX "audit_events_tenant_id_type_id_idx" ON "audit_events"("tenant_id", "type", "id");

-- CreateIndex
CREATE INDEX "audit_events_tenant_id_actor_id_idx" ON "audit_events"("tenant_id", "actor", "id");

-- CreateIndex
CREATE INDEX "audit_events_tenant_id_subject_id_idx" ON "audit_events"("tenant_id", "subject", "id");
