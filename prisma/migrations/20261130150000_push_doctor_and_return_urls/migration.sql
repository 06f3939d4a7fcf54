-- The index of a large table may be created beforehand: docs/runbook.md, Upgrade.

-- DropIndex
DROP INDEX "deliveries_tenant_id_device_id_idx";

-- AlterTable
ALTER TABLE "challenges" ADD COLUMN     "return_url" TEXT;

-- AlterTable
ALTER TABLE "deliveries" ADD COLUMN     "failure" TEXT,
ADD COLUMN     "received_at" TIMESTAMPTZ(6);

-- AlterTable
ALTER TABLE "relying_parties" ADD COLUMN     "return_origins" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[];

-- CreateIndex
CREATE INDEX IF NOT EXISTS "deliveries_tenant_id_device_id_id_idx" ON "deliveries"("tenant_id", "device_id", "id");

-- Checks
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_failure_check" CHECK (failure in ('provider_unavailable', 'provider_misconfigured', 'token_gone', 'push_rejected'));
