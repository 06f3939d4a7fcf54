-- AlterTable
ALTER TABLE "keycloak_callbacks" ADD COLUMN     "tried_by" TEXT;
