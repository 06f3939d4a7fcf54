-- CreateTable
CREATE TABLE "webhook_endpoints" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "rp_id" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "events" TEXT[],
    "status" TEXT NOT NULL DEFAULT 'active',
    "status_reason" TEXT,
    "secret_sealed" BYTEA,
    "previous_sealed" BYTEA,
    "previous_until" TIMESTAMPTZ(6),
    "failing_since" TIMESTAMPTZ(6),
    "last_failed_at" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "webhook_endpoints_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "webhook_facts" (
    "tenant_id" TEXT NOT NULL,
    "seq" BIGSERIAL NOT NULL,
    "kind" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "activity_id" TEXT,
    "activity_type" TEXT,
    "severity" TEXT,
    "challenge_id" TEXT,
    "device_id" TEXT,
    "enrolment_id" TEXT,
    "reason" TEXT,
    "owner_rp_id" TEXT,
    "viewer_rp_ids" TEXT[],
    "occurred_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "webhook_facts_pkey" PRIMARY KEY ("tenant_id","seq")
);

-- CreateTable
CREATE TABLE "webhook_deliveries" (
    "tenant_id" TEXT NOT NULL,
    "endpoint_id" TEXT NOT NULL,
    "event_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "user_id" TEXT,
    "data" JSONB NOT NULL,
    "occurred_at" TIMESTAMPTZ(6) NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'queued',
    "reason" TEXT,
    "attempts" SMALLINT NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "stale_at" TIMESTAMPTZ(6) NOT NULL,
    "leased_by" TEXT,
    "leased_until" TIMESTAMPTZ(6),
    "settled_at" TIMESTAMPTZ(6),

    CONSTRAINT "webhook_deliveries_pkey" PRIMARY KEY ("tenant_id","endpoint_id","event_id")
);

-- CreateTable
CREATE TABLE "webhook_attempts" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "endpoint_id" TEXT NOT NULL,
    "event_id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL,
    "duration_ms" INTEGER NOT NULL,
    "status_code" SMALLINT,
    "reason" TEXT,

    CONSTRAINT "webhook_attempts_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE INDEX "webhook_endpoints_tenant_id_rp_id_idx" ON "webhook_endpoints"("tenant_id", "rp_id");

-- CreateIndex
CREATE INDEX "webhook_facts_seq_idx" ON "webhook_facts"("seq");

-- CreateIndex
CREATE INDEX "webhook_deliveries_queued" ON "webhook_deliveries"("tenant_id", "endpoint_id", "due_at") WHERE (status = 'queued');

-- CreateIndex
CREATE INDEX "webhook_deliveries_stale" ON "webhook_deliveries"("stale_at") WHERE (status = 'queued');

-- CreateIndex
CREATE INDEX "webhook_deliveries_settled" ON "webhook_deliveries"("settled_at") WHERE (settled_at is not null);

-- CreateIndex
CREATE INDEX "webhook_deliveries_user" ON "webhook_deliveries"("tenant_id", "user_id") WHERE (user_id is not null);

-- CreateIndex
CREATE INDEX "webhook_attempts_tenant_id_endpoint_id_id_idx" ON "webhook_attempts"("tenant_id", "endpoint_id", "id");

-- CreateIndex
CREATE INDEX "webhook_attempts_tenant_id_endpoint_id_event_id_idx" ON "webhook_attempts"("tenant_id", "endpoint_id", "event_id");

-- AddForeignKey
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_tenant_id_rp_id_fkey" FOREIGN KEY ("tenant_id", "rp_id") REFERENCES "relying_parties"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_tenant_id_endpoint_id_fkey" FOREIGN KEY ("tenant_id", "endpoint_id") REFERENCES "webhook_endpoints"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_attempts" ADD CONSTRAINT "webhook_attempts_tenant_id_endpoint_id_event_id_fkey" FOREIGN KEY ("tenant_id", "endpoint_id", "event_id") REFERENCES "webhook_deliveries"("tenant_id", "endpoint_id", "event_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Checks
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_status_check" CHECK ((status = 'active') = (status_reason is null));
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_status_check1" CHECK ((status = 'deleted') = (secret_sealed is null));
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_status_check2" CHECK (status in ('active', 'paused', 'disabled', 'deleted'));
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_status_reason_check" CHECK (status_reason in ('relying_party', 'failing', 'gone', 'deleted'));
ALTER TABLE "webhook_facts" ADD CONSTRAINT "webhook_facts_kind_check" CHECK (kind in ('activity', 'challenge_fetched', 'push_sent', 'push_failed', 'push_token_lost'));
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_status_check" CHECK ((status = 'queued') = (settled_at is null));
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_status_check1" CHECK (status in ('queued', 'delivered', 'failed'));

-- Triggers
-- What happens is owed to webhooks by the statement that makes it happen, whichever it is: none can forget (docs/decisions/0018).
-- Where nobody in the tenant listens, a trigger costs one look into an index; where the installation never had an endpoint, a look at a
-- sequence: whoever adds an endpoint takes a number from it first, which everybody sees at once, whatever their snapshot.

CREATE FUNCTION "webhook_owe"(fact "webhook_facts") RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  fact.owner_rp_id := coalesce(fact.owner_rp_id,
    (select c.rp_id from challenges c where c.tenant_id = fact.tenant_id and c.id = fact.challenge_id),
    (select e.rp_id from enrolments e where e.tenant_id = fact.tenant_id and e.id = fact.enrolment_id));
  fact.viewer_rp_ids := array(select distinct e.rp_id
    from webhook_endpoints e
    join relying_parties r on r.tenant_id = e.tenant_id and r.id = e.rp_id
    where e.tenant_id = fact.tenant_id and e.status in ('active', 'paused')
      and exists (select from user_identifiers i where i.tenant_id = e.tenant_id
        and i.user_id = fact.user_id and i.namespace = any(r.namespaces)));
  if cardinality(fact.viewer_rp_ids) = 0 and not exists (select from webhook_endpoints e
    where e.tenant_id = fact.tenant_id and e.rp_id = fact.owner_rp_id and e.status in ('active', 'paused'))
  then return; end if;
  fact.seq := nextval('webhook_facts_seq_seq');
  insert into webhook_facts select fact.*;
END
$$;

CREATE FUNCTION "webhook_owe_activity"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE fact webhook_facts;
BEGIN
  if not exists (select from webhook_endpoints e
    where e.tenant_id = new.tenant_id and e.status in ('active', 'paused')) then return null; end if;
  fact.tenant_id := new.tenant_id;
  fact.kind := 'activity';
  fact.user_id := new.user_id;
  fact.activity_id := new.id;
  fact.activity_type := new.type;
  fact.severity := new.severity;
  fact.challenge_id := new.challenge_id;
  fact.device_id := new.device_id;
  fact.enrolment_id := new.enrolment_id;
  fact.reason := new.details ->> 'reason';
  fact.owner_rp_id := new.rp_id;
  fact.occurred_at := new.occurred_at;
  perform webhook_owe(fact);
  return null;
END
$$;
CREATE TRIGGER "activities_owe_webhooks" AFTER INSERT ON "activities"
  FOR EACH ROW WHEN (pg_sequence_last_value('webhook_facts_seq_seq') IS NOT NULL)
  EXECUTE FUNCTION "webhook_owe_activity"();

CREATE FUNCTION "webhook_owe_fetch"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE fact webhook_facts;
BEGIN
  if not exists (select from webhook_endpoints e
    where e.tenant_id = new.tenant_id and e.status in ('active', 'paused')) then return null; end if;
  fact.tenant_id := new.tenant_id;
  fact.kind := 'challenge_fetched';
  fact.user_id := (select c.user_id from challenges c
    where c.tenant_id = new.tenant_id and c.id = new.challenge_id);
  fact.challenge_id := new.challenge_id;
  fact.device_id := new.device_id;
  fact.occurred_at := new.fetched_at;
  perform webhook_owe(fact);
  return null;
END
$$;
CREATE TRIGGER "challenge_targets_owe_webhooks" AFTER UPDATE OF "fetched_at" ON "challenge_targets"
  FOR EACH ROW WHEN (old.fetched_at IS NULL AND new.fetched_at IS NOT NULL
    AND pg_sequence_last_value('webhook_facts_seq_seq') IS NOT NULL)
  EXECUTE FUNCTION "webhook_owe_fetch"();

CREATE FUNCTION "webhook_owe_push"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE fact webhook_facts;
BEGIN
  if not exists (select from webhook_endpoints e
    where e.tenant_id = new.tenant_id and e.status in ('active', 'paused')) then return null; end if;
  fact.tenant_id := new.tenant_id;
  fact.kind := 'push_' || new.status;
  fact.user_id := (select c.user_id from challenges c
    where c.tenant_id = new.tenant_id and c.id = new.challenge_id);
  fact.challenge_id := new.challenge_id;
  fact.device_id := new.device_id;
  fact.reason := new.reason;
  fact.occurred_at := new.settled_at;
  perform webhook_owe(fact);
  return null;
END
$$;
CREATE TRIGGER "deliveries_owe_webhooks" AFTER UPDATE OF "status" ON "deliveries"
  FOR EACH ROW WHEN (new.kind = 'challenge_opened' AND old.status = 'queued' AND new.status IN ('sent', 'failed')
    AND pg_sequence_last_value('webhook_facts_seq_seq') IS NOT NULL)
  EXECUTE FUNCTION "webhook_owe_push"();

-- A device that takes its token back, or goes, says so itself; what is left was lost.
CREATE FUNCTION "webhook_owe_lost_token"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE fact webhook_facts;
BEGIN
  if not exists (select from webhook_endpoints e
    where e.tenant_id = new.tenant_id and e.status in ('active', 'paused')) then return null; end if;
  fact.tenant_id := new.tenant_id;
  fact.kind := 'push_token_lost';
  fact.user_id := new.user_id;
  fact.device_id := new.id;
  fact.occurred_at := clock_timestamp();
  perform webhook_owe(fact);
  return null;
END
$$;
CREATE TRIGGER "devices_owe_webhooks" AFTER UPDATE OF "push_token_hash" ON "devices"
  FOR EACH ROW WHEN (old.push_token_hash IS NOT NULL AND new.push_token_hash IS NULL AND new.status = old.status
    AND new.push_token_set_at IS NOT DISTINCT FROM old.push_token_set_at
    AND pg_sequence_last_value('webhook_facts_seq_seq') IS NOT NULL)
  EXECUTE FUNCTION "webhook_owe_lost_token"();
