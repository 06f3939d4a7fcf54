-- AlterTable
ALTER TABLE "devices" ADD COLUMN     "erased_key_hashes" BYTEA[] DEFAULT ARRAY[]::BYTEA[];
