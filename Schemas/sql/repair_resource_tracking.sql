-- Repairs the resource tracking of a Blockvisor in PostgreSQL without any other program:
--
--   psql -v ON_ERROR_STOP=1 -d your_database -f repair_resource_tracking.sql
--
-- Everything happens in one transaction. Nodes get what their configs declare, then hosts the counts and sums of the nodes so
-- repaired, then organisations the counts of their hosts and nodes, where the database keeps them. Nodes whose config is of type legacy, cannot be understood or is missing are left alone, and said to be. Rows that
-- are marked as deleted are left alone. To look only, replace the last line, COMMIT, by ROLLBACK.

\set ON_ERROR_STOP on
BEGIN;
SET LOCAL lock_timeout = '10s';

-- The requirement in a config: the numbers of vm, or NULL where they cannot be known.
--
-- The column may be bytea, text, json or jsonb. Bytes that do not begin with a brace are a message of Protocol Buffers:
-- NodeConfig { 1: VmConfig { 1: cpu_cores, 2: memory_bytes, 3: disk_bytes } }, which leaves out numbers that are zero.
CREATE FUNCTION pg_temp.varint(message bytea, INOUT place int, OUT value numeric) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  byte int;
  scale numeric := 1;
BEGIN
  value := 0;
  FOR position IN 1..10 LOOP
    byte := get_byte(message, place);  -- raises beyond the end
    place := place + 1;
    IF position = 10 AND byte > 1 THEN EXIT; END IF;
    value := value + (byte & 127) * scale;
    IF byte < 128 THEN RETURN; END IF;
    scale := scale * 128;
  END LOOP;
  RAISE EXCEPTION 'a number has more than 64 bits';
END $$;

-- The fields of a message: numbers, and the bytes of parts that have a length.
CREATE FUNCTION pg_temp.fields(message bytea) RETURNS TABLE (field int, wire int, number numeric, part bytea)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  place int := 0;
  tag numeric;
  size numeric;
BEGIN
  WHILE place < length(message) LOOP
    SELECT v.place, v.value INTO place, tag FROM pg_temp.varint(message, place) v;
    IF tag < 8 OR tag > 4294967295 THEN RAISE EXCEPTION 'a field has no number'; END IF;
    field := div(tag, 8);
    wire := mod(tag, 8);
    number := NULL;
    part := NULL;
    IF wire = 0 THEN
      SELECT v.place, v.value INTO place, number FROM pg_temp.varint(message, place) v;
    ELSIF wire = 2 THEN
      SELECT v.place, v.value INTO place, size FROM pg_temp.varint(message, place) v;
      IF size > length(message) - place THEN RAISE EXCEPTION 'it is cut short'; END IF;
      part := substring(message FROM place + 1 FOR size::int);
      place := place + size::int;
    ELSIF wire IN (1, 5) THEN
      place := place + CASE wire WHEN 1 THEN 8 ELSE 4 END;
      IF place > length(message) THEN RAISE EXCEPTION 'it is cut short'; END IF;
    ELSE
      RAISE EXCEPTION 'an unknown wire type';
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;

CREATE FUNCTION pg_temp.json_requirement(document jsonb) RETURNS numeric[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  vm jsonb := document -> 'vm';
  numbers numeric[] := ARRAY[(vm ->> 'cpu_cores')::numeric, (vm ->> 'memory_bytes')::numeric, (vm ->> 'disk_bytes')::numeric];
BEGIN
  IF array_position(numbers, NULL) IS NOT NULL THEN RAISE EXCEPTION 'vm is not whole'; END IF;
  RETURN numbers;
END $$;

CREATE FUNCTION pg_temp.message_requirement(message bytea) RETURNS numeric[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  numbers numeric[];
  outer_field record;
  inner_field record;
BEGIN
  FOR outer_field IN SELECT * FROM pg_temp.fields(message) LOOP
    CONTINUE WHEN outer_field.field <> 1;
    IF outer_field.wire <> 2 THEN RAISE EXCEPTION 'vm is no message'; END IF;
    numbers := coalesce(numbers, ARRAY[0, 0, 0]::numeric[]);
    FOR inner_field IN SELECT * FROM pg_temp.fields(outer_field.part) LOOP
      CONTINUE WHEN inner_field.field NOT BETWEEN 1 AND 3;
      IF inner_field.wire <> 0 THEN RAISE EXCEPTION 'vm holds no number'; END IF;
      numbers[inner_field.field] := inner_field.number;
    END LOOP;
  END LOOP;
  IF numbers IS NULL THEN RAISE EXCEPTION 'there is no vm'; END IF;
  RETURN numbers;
END $$;

CREATE FUNCTION pg_temp.checked(numbers numeric[]) RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  number numeric;
BEGIN
  FOREACH number IN ARRAY numbers LOOP
    IF number < 0 OR number <> trunc(number) THEN RAISE EXCEPTION 'no whole number from 0'; END IF;
  END LOOP;
  -- More cores could not be counted in thousandths, as the program counts them.
  IF numbers[1] > 9223372036854775 THEN RAISE EXCEPTION 'too many cores'; END IF;
  RETURN numbers::bigint[];  -- raises beyond 64 bits
END $$;

CREATE FUNCTION pg_temp.requirement(config bytea) RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF substring(config FROM 1 FOR 1) = '{'::bytea THEN
    RETURN pg_temp.checked(pg_temp.json_requirement(convert_from(config, 'UTF8')::jsonb));
  END IF;
  RETURN pg_temp.checked(pg_temp.message_requirement(config));
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;

CREATE FUNCTION pg_temp.requirement(config text) RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN pg_temp.checked(pg_temp.json_requirement(config::jsonb));
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;

CREATE FUNCTION pg_temp.requirement(config jsonb) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS
  $$ SELECT pg_temp.requirement(config::text) $$;
CREATE FUNCTION pg_temp.requirement(config json) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS
  $$ SELECT pg_temp.requirement(config::text) $$;

-- Nobody writes while this runs; readers go on.
LOCK TABLE nodes, hosts IN SHARE ROW EXCLUSIVE MODE;

-- What configs of live nodes declare; each is read once, however many nodes name it.
CREATE TEMP TABLE config_requirements AS
SELECT c.id, c.config_type::text AS config_type,
  CASE WHEN c.config_type::text = 'legacy' THEN NULL ELSE pg_temp.requirement(c.config) END AS declared
FROM configs c WHERE c.id IN (SELECT config_id FROM nodes WHERE deleted_at IS NULL);

-- Nodes that are alive with what their configs declare; declared is NULL where that is not known.
CREATE TEMP VIEW node_requirements AS
SELECT n.id, n.host_id, n.cpu_cores, n.memory_bytes, n.disk_bytes, n.config_id, c.config_type, c.declared
FROM nodes n LEFT JOIN config_requirements c ON c.id = n.config_id
WHERE n.deleted_at IS NULL;

CREATE TEMP VIEW inconsistent_nodes AS
SELECT * FROM node_requirements
WHERE declared IS NOT NULL AND (cpu_cores, memory_bytes, disk_bytes) IS DISTINCT FROM (declared[1], declared[2], declared[3]);

-- Sums are numeric, so that they cannot overflow before they are compared.
CREATE TEMP VIEW host_sums AS
SELECT h.id, h.node_count, h.node_cpu_cores, h.node_memory_bytes, h.node_disk_bytes, count(n.id)::numeric AS nodes,
  coalesce(sum(n.cpu_cores), 0) AS cpu, coalesce(sum(n.memory_bytes), 0) AS memory, coalesce(sum(n.disk_bytes), 0) AS disk
FROM hosts h LEFT JOIN nodes n ON n.host_id = h.id AND n.deleted_at IS NULL
GROUP BY h.id;

CREATE TEMP VIEW inconsistent_hosts AS
SELECT * FROM host_sums
WHERE (node_count, node_cpu_cores, node_memory_bytes, node_disk_bytes) IS DISTINCT FROM (nodes, cpu, memory, disk);

CREATE TEMP TABLE repaired_orgs (id uuid) ON COMMIT DROP;

DO $$
DECLARE
  counted record;
  repaired_nodes bigint;
  repaired_hosts bigint;
  left_nodes bigint;
  left_hosts bigint;
  skipped record;
BEGIN
  UPDATE nodes SET cpu_cores = i.declared[1], memory_bytes = i.declared[2], disk_bytes = i.declared[3]
  FROM inconsistent_nodes i WHERE i.id = nodes.id;
  GET DIAGNOSTICS repaired_nodes = ROW_COUNT;
  RAISE NOTICE 'Updated % nodes to match their configurations', repaired_nodes;

  UPDATE hosts SET node_count = i.nodes, node_cpu_cores = i.cpu, node_memory_bytes = i.memory, node_disk_bytes = i.disk
  FROM inconsistent_hosts i WHERE i.id = hosts.id
    AND greatest(i.cpu, i.memory, i.disk) <= 9223372036854775807 AND least(i.cpu, i.memory, i.disk) >= 0;
  GET DIAGNOSTICS repaired_hosts = ROW_COUNT;
  RAISE NOTICE 'Updated % hosts to match their nodes', repaired_hosts;

  FOR counted IN SELECT * FROM (VALUES ('host_count', 'hosts'), ('node_count', 'nodes')) v(counter, members) LOOP
    CONTINUE WHEN (
      SELECT count(*) FROM pg_attribute WHERE NOT attisdropped
        AND (attrelid = to_regclass('orgs') AND attname = counted.counter
          OR attrelid = to_regclass(counted.members) AND attname = 'org_id')) < 2;
    -- Through JSON, because not every database marks organisations as deleted.
    EXECUTE format(
      'WITH changed AS (UPDATE orgs SET %1$I = c.n FROM (SELECT o.id, count(m.org_id) AS n FROM orgs o '
      'LEFT JOIN %2$I m ON m.org_id = o.id AND m.deleted_at IS NULL WHERE to_jsonb(o) ->> ''deleted_at'' IS NULL GROUP BY o.id) c '
      'WHERE c.id = orgs.id AND orgs.%1$I <> c.n RETURNING orgs.id) INSERT INTO repaired_orgs SELECT id FROM changed',
      counted.counter, counted.members);
  END LOOP;
  RAISE NOTICE 'Updated % organisations to match their hosts and nodes', (SELECT count(DISTINCT id) FROM repaired_orgs);

  SELECT count(*) INTO left_nodes FROM inconsistent_nodes;
  SELECT count(*) INTO left_hosts FROM inconsistent_hosts;
  SELECT count(*) FILTER (WHERE config_type = 'legacy') AS legacy,
    count(*) FILTER (WHERE config_id IS NULL) AS unconfigured,
    count(*) FILTER (WHERE config_id IS NOT NULL AND declared IS NULL AND config_type IS DISTINCT FROM 'legacy') AS undecodable
  INTO skipped FROM node_requirements;
  RAISE NOTICE 'Skipped % nodes of legacy configs, % without a config, % whose config cannot be understood',
    skipped.legacy, skipped.unconfigured, skipped.undecodable;
  RAISE NOTICE 'Still inconsistent: % nodes, % hosts', left_nodes, left_hosts;
END $$;

-- The state after the repair.
SELECT 'nodes' AS what, count(*) AS rows, count(*) FILTER (WHERE declared IS NOT NULL) AS checked,
  (SELECT count(*) FROM inconsistent_nodes) AS inconsistent
FROM node_requirements
UNION ALL
SELECT 'hosts', count(*), count(*), (SELECT count(*) FROM inconsistent_hosts) FROM host_sums;

-- What cannot be repaired here, if anything.
SELECT id, config_id, 'its config cannot be understood' AS problem FROM node_requirements
WHERE config_id IS NOT NULL AND declared IS NULL AND config_type IS DISTINCT FROM 'legacy'
UNION ALL
SELECT id, NULL, 'its sums do not fit the counters' FROM inconsistent_hosts;

COMMIT;
