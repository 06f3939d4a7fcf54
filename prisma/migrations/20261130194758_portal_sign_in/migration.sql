-- A session of the portal that an approval opened: it ends with the device, and may do little.

-- AlterTable
ALTER TABLE "portal_sessions" ADD COLUMN     "challenge_id" TEXT,
ADD COLUMN     "device_id" TEXT;

-- CreateIndex
CREATE UNIQUE INDEX "portal_sessions_tenant_id_challenge_id_key" ON "portal_sessions"("tenant_id", "challenge_id");

-- Checks
ALTER TABLE "portal_sessions" ADD CONSTRAINT "portal_sessions_challenge_id_check" CHECK ((challenge_id is null) = (device_id is null));
