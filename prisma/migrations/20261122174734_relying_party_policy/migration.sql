-- AlterTable
ALTER TABLE "relying_parties" ADD COLUMN     "policy" JSONB NOT NULL DEFAULT '{}';
