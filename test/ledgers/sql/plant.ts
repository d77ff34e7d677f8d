/** Makes a database refuse rows for their own sake. */
import { operate } from './operate.ts';

/** What is planted and taken away again, in the words of each database. */
export interface Planting {
  plant(url: string, condition: string): Promise<void>;
  unplant(url: string): Promise<void>;
}

export const plantings: Readonly<Record<'mysql' | 'postgres', Planting>> = {
  mysql: {
    async plant(url, condition) {
      const body = `IF ${condition} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'planted'; END IF`;
      await operate(url, `CREATE TRIGGER planted BEFORE INSERT ON coupons FOR EACH ROW ${body}`);
    },
    async unplant(url) {
      await operate(url, 'DROP TRIGGER planted');
    },
  },
  postgres: {
    async plant(url, condition) {
      const body = `BEGIN IF ${condition} THEN RAISE EXCEPTION 'planted'; END IF; RETURN NEW; END`;
      await operate(
        url,
        `CREATE OR REPLACE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $$ ${body} $$;
         CREATE TRIGGER planted BEFORE INSERT ON coupons FOR EACH ROW EXECUTE FUNCTION planted()`,
      );
    },
    async unplant(url) {
      await operate(url, 'DROP TRIGGER planted ON coupons');
    },
  },
};
