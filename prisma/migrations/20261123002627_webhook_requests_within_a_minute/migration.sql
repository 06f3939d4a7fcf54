-- AlterTable
ALTER TABLE "webhook_endpoints" ADD COLUMN     "requested_at" TIMESTAMPTZ(6)[] DEFAULT ARRAY[]::TIMESTAMPTZ(6)[];
