-- AlterTable
ALTER TABLE "challenges" ADD COLUMN     "chain_id" TEXT,
ADD COLUMN     "chain_started_at" TIMESTAMPTZ(6);

-- Checks
ALTER TABLE "challenges" DROP CONSTRAINT "challenges_reason_check";
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_reason_check" CHECK (reason in ('user_denied', 'user_reported', 'number_mismatch', 'no_device_left', 'superseded'));
ALTER TABLE "challenges" DROP CONSTRAINT "challenges_denied_check";
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_denied_check" CHECK (reason is null and status <> 'denied' or reason is not null and status = case reason when 'superseded' then 'cancelled' else 'denied' end);
