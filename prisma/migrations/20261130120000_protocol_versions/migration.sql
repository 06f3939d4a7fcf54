-- AlterTable
ALTER TABLE "challenge_targets" ADD COLUMN     "protocol_version" SMALLINT NOT NULL DEFAULT 1;

-- AlterTable
ALTER TABLE "devices" ADD COLUMN     "protocol_version" SMALLINT NOT NULL DEFAULT 1;

-- Checks
ALTER TABLE "devices" ADD CONSTRAINT "devices_protocol_version_check" CHECK (protocol_version >= 1);
