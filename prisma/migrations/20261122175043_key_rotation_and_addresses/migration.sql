-- AlterTable
ALTER TABLE "api_keys" ADD COLUMN     "allowed_addresses" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "lineage_id" TEXT;

-- Every key so far is the first of its own line.
UPDATE "api_keys" SET "lineage_id" = "id";
ALTER TABLE "api_keys" ALTER COLUMN "lineage_id" SET NOT NULL;

-- CreateIndex
CREATE INDEX "api_keys_tenant_id_lineage_id_idx" ON "api_keys"("tenant_id", "lineage_id");
