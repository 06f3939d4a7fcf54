-- AlterTable
ALTER TABLE "enrollments" ADD COLUMN     "first_device_permit" TEXT,
ADD COLUMN     "opened_by_prompt_id" TEXT;

-- AlterTable
ALTER TABLE "prompts" ADD COLUMN     "enrollment_id" TEXT,
ADD COLUMN     "enrollment_sealed" BYTEA;

-- Checks
ALTER TABLE "enrollments" ADD CONSTRAINT "enrollments_first_device_permit_check" CHECK (first_device_permit in ('enrollment_window', 'temporary_code'));
