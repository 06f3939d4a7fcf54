-- CreateIndex
CREATE INDEX "audit_events_tenant_id_subject_idx" ON "audit_events"("tenant_id", "subject");

-- CreateIndex
CREATE INDEX "deliveries_tenant_id_device_id_idx" ON "deliveries"("tenant_id", "device_id");
