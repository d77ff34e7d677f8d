/** The jars of a Kafka broker, from Maven Central, fetched once for this user. */
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { cache, cached } from './cache.ts';
import { output } from './command.ts';
import { found } from './find.ts';

/** The version that is tested against. */
const version = '4.1.1';
/** Names what is kept for that version. */
export const kafkaName = `kafka-${version}`;

const pom = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>dibs</groupId>
  <artifactId>kafka-jars</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${version}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`;

const fetchMsMax = 10 * 60_000;

/** Where the jars are, or null where they have not been fetched. */
export function kafkaJars(): string | null {
  const folder = cached(kafkaName);
  return existsSync(folder) ? folder : null;
}

/** Fetches them where they are not here: 43 MB. */
export async function fetchKafkaJars(): Promise<string> {
  return await cache(kafkaName, async (folder) => {
    const file = join(folder, 'pom.xml');
    await writeFile(file, pom);
    const copy = ['dependency:copy-dependencies', `-DoutputDirectory=${folder}`];
    // With the whole environment: Maven's proxy and its Java are told there.
    await output(found('mvn'), ['-B', '-q', '-f', file, ...copy], {
      env: process.env,
      timeoutMs: fetchMsMax,
    });
    await rm(file);
  });
}
