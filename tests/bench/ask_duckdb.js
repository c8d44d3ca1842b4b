// ask_duckdb.js - the same rows in DuckDB, one thread.
//
//   node ask_duckdb.js load DATABASE CSV
//   node ask_duckdb.js ask DATABASE ROUNDS SQL
//
// ask prints the milliseconds of each round, opening the database included in the first, and
// then the first row of the answer, on two lines.
const { DuckDBInstance } = require('@duckdb/node-api');

async function main([what, database, second, sql]) {
  const begin = process.hrtime.bigint();
  const instance = await DuckDBInstance.create(database, { threads: '1' });
  const connection = await instance.connect();
  if (what === 'load') {
    const csv = second.replaceAll("'", "''");
    await connection.run(`CREATE TABLE conn AS SELECT * FROM read_csv('${csv}', header=true)`);
    await connection.run('CHECKPOINT');
    return;
  }
  const took = [];
  let rows, from = begin;
  for (let i = 0; i < Number(second); i++) {
    rows = (await connection.runAndReadAll(sql)).getRowsJson();
    const now = process.hrtime.bigint();
    took.push(Number(now - from) / 1e6);
    from = now;
  }
  console.log(took.join(' '));
  console.log((rows[0] || []).join(' '));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`ask_duckdb.js: ${error.message}`);
  process.exitCode = 1;
});
