-- CreateTable
CREATE TABLE "keycloak_callbacks" (
    "tenant_id" TEXT NOT NULL,
    "challenge_id" TEXT NOT NULL,
    "integration_id" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "token_sealed" BYTEA,
    "status" TEXT NOT NULL DEFAULT 'owed',
    "reason" TEXT,
    "due_at" TIMESTAMPTZ(6) NOT NULL,
    "tried_at" TIMESTAMPTZ(6),
    "first_tried_at" TIMESTAMPTZ(6),

    CONSTRAINT "keycloak_callbacks_pkey" PRIMARY KEY ("tenant_id","challenge_id")
);

-- CreateIndex
CREATE INDEX "keycloak_callbacks_tenant_id_integration_id_idx" ON "keycloak_callbacks"("tenant_id", "integration_id");

-- CreateIndex
CREATE INDEX "keycloak_callbacks_owed" ON "keycloak_callbacks"("due_at") WHERE (status <> 'settled');

-- AddForeignKey
ALTER TABLE "keycloak_callbacks" ADD CONSTRAINT "keycloak_callbacks_tenant_id_challenge_id_fkey" FOREIGN KEY ("tenant_id", "challenge_id") REFERENCES "challenges"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "keycloak_callbacks" ADD CONSTRAINT "keycloak_callbacks_tenant_id_integration_id_fkey" FOREIGN KEY ("tenant_id", "integration_id") REFERENCES "integrations"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Checks
ALTER TABLE "keycloak_callbacks" ADD CONSTRAINT "keycloak_callbacks_status_check" CHECK ((status = 'settled') = (token_sealed is null));
ALTER TABLE "keycloak_callbacks" ADD CONSTRAINT "keycloak_callbacks_status_check1" CHECK (status <> 'trying' or (tried_at is not null and first_tried_at is not null));
ALTER TABLE "keycloak_callbacks" ADD CONSTRAINT "keycloak_callbacks_status_check2" CHECK (status in ('owed', 'trying', 'settled'));
