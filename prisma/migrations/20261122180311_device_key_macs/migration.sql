-- AlterTable
ALTER TABLE "device_keys" ADD COLUMN     "mac" BYTEA;

-- Nobody can say that a key from before is the one that was enrolled: no MAC fits it, and its device enrols anew.
UPDATE "device_keys" SET "mac" = '';
ALTER TABLE "device_keys" ALTER COLUMN "mac" SET NOT NULL;
