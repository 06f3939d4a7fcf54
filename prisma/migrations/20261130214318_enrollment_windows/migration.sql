-- AlterTable
ALTER TABLE "user_protections" ADD COLUMN     "may_enroll_until" TIMESTAMPTZ(6);
