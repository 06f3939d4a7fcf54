-- AlterTable
ALTER TABLE "devices" ADD COLUMN     "diagnostics_at" TIMESTAMPTZ(6)[] DEFAULT ARRAY[]::TIMESTAMPTZ(6)[];

-- CreateTable
CREATE TABLE "diagnostics" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "app_version" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "diagnostics_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE INDEX "diagnostics_tenant_id_user_id_idx" ON "diagnostics"("tenant_id", "user_id");

-- CreateIndex
CREATE INDEX "diagnostics_tenant_id_created_at_idx" ON "diagnostics"("tenant_id", "created_at");

-- CreateIndex
CREATE INDEX "challenges_ended" ON "challenges"("tenant_id", "decided_at") WHERE (decided_at is not null);

-- CreateIndex
CREATE INDEX "deliveries_test_settled" ON "deliveries"("settled_at") WHERE (kind = 'test' and settled_at is not null);

-- CreateIndex
CREATE INDEX "enrolments_tenant_id_expires_at_idx" ON "enrolments"("tenant_id", "expires_at");

-- CreateIndex
CREATE INDEX "reports_resolved" ON "reports"("tenant_id", "resolved_at") WHERE (resolved_at is not null);

-- AddForeignKey
ALTER TABLE "diagnostics" ADD CONSTRAINT "diagnostics_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "diagnostics" ADD CONSTRAINT "diagnostics_tenant_id_device_id_fkey" FOREIGN KEY ("tenant_id", "device_id") REFERENCES "devices"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Checks
ALTER TABLE "diagnostics" ADD CONSTRAINT "diagnostics_octet_length_check" CHECK (octet_length(text) <= 49152);
