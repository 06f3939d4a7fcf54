-- DropIndex
DROP INDEX "user_identifiers_tenant_id_value_idx";

-- AlterTable
ALTER TABLE "tenants" ADD COLUMN     "identifier_case" TEXT NOT NULL DEFAULT 'exact';

-- AlterTable
ALTER TABLE "user_identifiers" ADD COLUMN     "folds" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "key" TEXT;

-- As identifierKey of domain/user-name.ts has it: ASCII alone, whatever the locale of the database. The table is written anew once,
-- which takes half the time of an update.
ALTER TABLE "user_identifiers" ALTER COLUMN "key" SET DATA TYPE TEXT USING CASE WHEN "value" ~ '^[^@]+@[^@]+$'
  THEN translate("value", 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') ELSE "value" END;

ALTER TABLE "user_identifiers" ALTER COLUMN "key" SET NOT NULL;

-- CreateIndex
CREATE INDEX "user_identifiers_tenant_id_key_namespace_user_id_idx" ON "user_identifiers"("tenant_id", "key", "namespace", "user_id");

-- CreateIndex
CREATE UNIQUE INDEX "user_identifiers_folded" ON "user_identifiers"("tenant_id", "key", "namespace") WHERE (folds);

-- Checks
ALTER TABLE "tenants" ADD CONSTRAINT "tenants_identifier_case_check" CHECK (identifier_case in ('exact', 'fold_ascii'));
