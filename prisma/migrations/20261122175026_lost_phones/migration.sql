-- AlterTable
ALTER TABLE "devices" ADD COLUMN     "revoked_use_told_at" TIMESTAMPTZ(6),
ADD COLUMN     "suspended_at" TIMESTAMPTZ(6);

-- AlterTable
ALTER TABLE "enrolments" ADD COLUMN     "opened_by_device_id" TEXT;

-- CreateTable
CREATE TABLE "portal_sessions" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "rp_id" TEXT NOT NULL,
    "link_hash" BYTEA NOT NULL,
    "link_expires_at" TIMESTAMPTZ(6) NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "opened_at" TIMESTAMPTZ(6),
    "session_hash" BYTEA,
    "expires_at" TIMESTAMPTZ(6),
    "ended_at" TIMESTAMPTZ(6),

    CONSTRAINT "portal_sessions_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE INDEX "portal_sessions_tenant_id_user_id_idx" ON "portal_sessions"("tenant_id", "user_id");

-- CreateIndex
CREATE INDEX "portal_sessions_link_expires_at_idx" ON "portal_sessions"("link_expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "portal_sessions_tenant_id_link_hash_key" ON "portal_sessions"("tenant_id", "link_hash");

-- CreateIndex
CREATE UNIQUE INDEX "portal_sessions_tenant_id_session_hash_key" ON "portal_sessions"("tenant_id", "session_hash");

-- CreateIndex
CREATE INDEX "devices_live_by_time" ON "devices"("tenant_id", "created_at") WHERE (status <> 'unregistered');

-- AddForeignKey
ALTER TABLE "portal_sessions" ADD CONSTRAINT "portal_sessions_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "portal_sessions" ADD CONSTRAINT "portal_sessions_tenant_id_rp_id_fkey" FOREIGN KEY ("tenant_id", "rp_id") REFERENCES "relying_parties"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Checks
ALTER TABLE "devices" DROP CONSTRAINT "devices_status_check";
ALTER TABLE "devices" ADD CONSTRAINT "devices_status_check" CHECK (status in ('unconfirmed', 'active', 'suspended', 'unregistered'));
