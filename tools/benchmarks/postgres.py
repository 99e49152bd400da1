"""A PostgreSQL of the benchmark's own, with the fleet of a Blockvisor in it."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys

from .measure import ROOT, output

BINARIES = pathlib.Path("/usr/lib/postgresql/15/bin")
# Cores, memory and disk in GiB of each image; as many as a fleet has sizes.
SHAPES = [(1, 2, 20), (2, 4, 50), (2, 8, 100), (4, 8, 200), (4, 16, 500), (8, 16, 250),
          (8, 32, 1000), (16, 32, 800), (16, 64, 2000), (24, 96, 1500), (32, 128, 4000), (48, 256, 8000)]


class Postgres:
    """A server in a directory of its own, on a port of its own; where it is not durable, nothing is synced."""

    def __init__(self, directory, durable=False):
        if not (BINARIES / "initdb").exists():
            sys.exit("bench: no PostgreSQL 15; on Debian: apt-get install postgresql-15")
        self.directory = pathlib.Path(directory) / "postgres"
        self.directory.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # The server refuses to run as root, and its user has to reach its files.
        if os.getuid() == 0:
            for path in (self.directory, *list(self.directory.parents)[:1]):
                os.chmod(path, 0o755)
            shutil.chown(self.directory, "postgres")
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self.run("pg_ctl", "-D", self.data, "-w", "-l", self.directory / "log", "-o",
                 f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.directory} "
                 f"-c fsync={'on' if durable else 'off'} "
                 "-c shared_buffers=1GB -c autovacuum=off -c max_wal_size=8GB", "start")

    @property
    def data(self):
        return self.directory / "data"

    @property
    def address(self):
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def run(self, program, *arguments):
        own = [BINARIES / program, *arguments]
        output(["runuser", "-u", "postgres", "--", *own] if os.getuid() == 0 else own)

    def stop(self):
        with contextlib.suppress(SystemExit):
            self.run("pg_ctl", "-D", self.data, "-m", "immediate", "stop")

    def sql(self, statements):
        done = subprocess.run([BINARIES / "psql", "-Xqv", "ON_ERROR_STOP=1", "-d", self.address], input=statements, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            sys.exit(f"bench: psql: {done.stderr}")
        return done.stdout


def varint(value):
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


def node_config(cores, memory, disk):
    """The message of a config, as the API of a Blockvisor writes it."""
    vm = b"\x08" + varint(cores) + b"\x10" + varint(memory << 30) + b"\x18" + varint(disk << 30)
    return b"\x0a" + varint(len(vm)) + vm


def fleet(server, nodes, hosts):
    """A fleet that agrees with itself; every node has a config of its own."""
    server.sql((ROOT / "Schemas" / "sql" / "blockvisor.sql").read_text())
    shapes = ", ".join(f"({index}, {cores}, {memory << 30}, {disk << 30}, '\\x{node_config(cores, memory, disk).hex()}'::bytea)"
                       for index, (cores, memory, disk) in enumerate(SHAPES))
    server.sql(f"""
        SET session_replication_role = replica;
        CREATE TEMP TABLE shapes(shape, cpu, memory, disk, config) AS VALUES {shapes};
        INSERT INTO orgs(id, name) SELECT md5('org' || i)::uuid, 'org-' || i FROM generate_series(0, 999) i;
        INSERT INTO images(id, min_cpu_cores, min_memory_bytes, min_disk_bytes)
            SELECT md5('image' || shape)::uuid, cpu, memory, disk FROM shapes;
        INSERT INTO hosts(id, org_id, network_name, cpu_cores, memory_bytes, disk_bytes)
            SELECT md5('host' || i)::uuid, md5('org' || i % 1000)::uuid, 'host-' || i, 8192, 1::bigint << 50, 1::bigint << 55
            FROM generate_series(0, {hosts - 1}) i;
        INSERT INTO configs(id, image_id, config_type, config)
            SELECT md5('config' || i)::uuid, md5('image' || shape)::uuid, 'node', config
            FROM generate_series(0, {nodes - 1}) i JOIN shapes ON shape = (hashint4(i) & 1023) % {len(SHAPES)};
        INSERT INTO nodes(id, node_name, org_id, host_id, image_id, config_id, cpu_cores, memory_bytes, disk_bytes)
            SELECT md5('node' || i)::uuid, 'node-' || i, md5('org' || i % 1000)::uuid, md5('host' || i % {hosts})::uuid,
                md5('image' || shape)::uuid, md5('config' || i)::uuid, cpu, memory, disk
            FROM generate_series(0, {nodes - 1}) i JOIN shapes ON shape = (hashint4(i) & 1023) % {len(SHAPES)};
        UPDATE hosts SET node_count = s.n, node_cpu_cores = s.cpu, node_memory_bytes = s.memory, node_disk_bytes = s.disk
            FROM (SELECT host_id, count(*) n, sum(cpu_cores) cpu, sum(memory_bytes) memory, sum(disk_bytes) disk
                  FROM nodes GROUP BY 1) s WHERE s.host_id = hosts.id;
        CREATE TEMP TABLE sums AS SELECT org_id, count(*) n FROM nodes GROUP BY 1;
        UPDATE orgs SET node_count = (SELECT n FROM sums WHERE sums.org_id = orgs.id),
            host_count = (SELECT count(*) FROM hosts h WHERE h.org_id = orgs.id);
        """)
    server.sql("VACUUM ANALYZE;")
