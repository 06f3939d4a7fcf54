-- AlterTable
ALTER TABLE "audit_chains" ADD COLUMN     "checkpoint_seq" BIGINT;
