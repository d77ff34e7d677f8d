/** What is needed to start a service, and what to do where it is not here. */
import { find, findJava, findPostgres, userFor } from './find.ts';
import { javaVersion } from './kafka.ts';
import { kafkaJars } from './kafka-jars.ts';
import type { ServiceName } from './service.ts';

const orInstall = (what: string, packages: string): string =>
  `${what} is not here: install it (Debian: ${packages}), or have it installed by \`npm run services -- --install\``;

const without = (programs: readonly string[]): boolean => programs.some((program) => find(program) === null);

const checks: Readonly<Record<ServiceName, () => string | null>> = {
  redis: () => (without(['redis-server']) ? orInstall('Redis', 'redis-server') : null),
  'redis-cluster': () => (without(['redis-server', 'redis-cli']) ? orInstall('Redis', 'redis-server') : null),
  mariadb: () =>
    without(['mariadbd', 'mariadb-install-db', 'mariadb']) ? orInstall('MariaDB', 'mariadb-server') : null,
  postgres: () => {
    if (findPostgres() === null) return orInstall('PostgreSQL', 'postgresql');
    return userFor('postgres') === null ? 'PostgreSQL refuses to be run as root: add a user named postgres' : null;
  },
  kafka: () => {
    if (findJava(javaVersion) === null) return orInstall(`Java ${javaVersion}, for Kafka,`, 'default-jre-headless');
    if (kafkaJars() !== null) return null;
    return find('mvn') === null
      ? orInstall("Maven, which fetches Kafka's jars,", 'maven')
      : "Kafka's jars are not here: fetch them by `npm run services -- --install`";
  },
};

/** Null where a service can be started here; else what to do about it, in one sentence. */
export function missing(name: ServiceName): string | null {
  return checks[name]();
}
