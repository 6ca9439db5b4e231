// platformatic.mjs -- @platformatic/kafka against a broker: every compression, a group that goes on
// where it was, administration.
//
//     node platformatic.mjs HOST:PORT
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { Content, check, until, valueOf } from './content.mjs'

const TOPIC = 'platformatic', GROUP = 'platformatic-group', RECORDS = 2000
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
  .filter(codec => codec !== 'zstd' || Number(process.versions.node.split('.')[0]) >= 22)

const base = { clientId: 'test', bootstrapBrokers: [process.argv[2]] }
const sent = CODECS.map(() => new Content())
const got = CODECS.map(() => new Content())

// Partition i is written with compression i.
async function produce (idempotent) {
  for (const [partition, compression] of CODECS.entries()) {
    const producer = new Producer({ ...base, serializers: stringSerializers, idempotent, compression })
    for (let i = 0; i < RECORDS; i += 500) {
      const messages = Array.from({ length: 500 }, (_, k) => ({
        topic: TOPIC, partition, key: `${i + k}`, value: valueOf(compression, i + k), headers: { n: `${i + k}` }
      }))
      messages.forEach(m => sent[partition].add(m.key, m.value))
      await producer.send({ messages, acks: -1 })
    }
    await producer.close()
  }
}

async function consume () {
  const consumer = new Consumer({ ...base, groupId: GROUP, deserializers: stringDeserializers })
  const stream = await consumer.consume({
    topics: [TOPIC], mode: 'committed', fallbackMode: 'earliest', autocommit: 100, sessionTimeout: 6000, heartbeatInterval: 500
  })
  stream.on('data', m => {
    check(Number(m.offset) === got[m.partition].count, `partition ${m.partition}: offset ${m.offset}`)
    check(m.headers.get('n') === m.key, 'a header is lost')
    got[m.partition].add(m.key, m.value)
  })
  await until('everything is consumed', () => got.every((c, p) => c.count >= sent[p].count))
  await new Promise(resolve => setTimeout(resolve, 500)) // the last commit
  await stream.close()
  await consumer.close()
  got.forEach((c, p) => check(c.same(sent[p]), `partition ${p}: what was consumed is not what was produced`))
}

async function administrate (admin) {
  const [offsets] = await admin.listConsumerGroupOffsets({ groups: [GROUP] })
  for (const { partitionIndex, committedOffset } of offsets.topics[0].partitions) {
    check(Number(committedOffset) === sent[partitionIndex].count,
      `partition ${partitionIndex}: ${committedOffset} is committed`)
  }
  check((await admin.listGroups()).has(GROUP), 'the group is not listed')
  await admin.createPartitions({ topics: [{ name: TOPIC, count: CODECS.length + 1, assignments: [{ brokerIds: [1] }] }] })
  const metadata = await admin.metadata({ topics: [TOPIC] })
  check(metadata.topics.get(TOPIC).partitionsCount === CODECS.length + 1, 'no partition was added')
  const [deleted] = await admin.deleteRecords({ topics: [{ name: TOPIC, partitions: [{ partition: 0, offset: 100n }] }] })
  check(deleted.partitions[0].lowWatermark === 100n, 'records were not deleted')
  await admin.deleteGroups({ groups: [GROUP] })
  await admin.deleteTopics({ topics: [TOPIC] })
  check(!(await admin.listTopics()).includes(TOPIC), 'a deleted topic is listed')
}

const admin = new Admin(base)
await admin.createTopics({ topics: [TOPIC], partitions: CODECS.length, replicas: 1 })
for (const idempotent of [false, true]) {
  await produce(idempotent)
  await consume()
}
await administrate(admin)
await admin.close()
console.log(`platformatic: ok (${CODECS.join(', ')})`)
