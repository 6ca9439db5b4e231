// kafkajs.mjs -- kafkajs against a broker: the compressions it has of itself, a group that goes on
// where it was, administration.
//
//     node kafkajs.mjs HOST:PORT
import kafkajs from 'kafkajs'
import { Content, check, until, valueOf } from './content.mjs'

const { Kafka, CompressionTypes, logLevel } = kafkajs
const TOPIC = 'kafkajs', GROUP = 'kafkajs-group', RECORDS = 2000
const CODECS = [CompressionTypes.None, CompressionTypes.GZIP]

const kafka = new Kafka({ clientId: 'test', brokers: [process.argv[2]], logLevel: logLevel.ERROR })
const sent = CODECS.map(() => new Content())
const got = CODECS.map(() => new Content())

// Partition i is written with compression i.
async function produce (idempotent) {
  const producer = kafka.producer({
    idempotent, maxInFlightRequests: idempotent ? 1 : 5, createPartitioner: () => ({ message }) => message.partition
  })
  await producer.connect()
  for (const [partition, compression] of CODECS.entries()) {
    for (let i = 0; i < RECORDS; i += 500) {
      const messages = Array.from({ length: 500 }, (_, k) => ({
        partition, key: `${i + k}`, value: valueOf('kafkajs', i + k), headers: { n: `${i + k}` }
      }))
      messages.forEach(m => sent[partition].add(m.key, m.value))
      await producer.send({ topic: TOPIC, compression, messages, acks: -1 })
    }
  }
  await producer.disconnect()
}

async function consume () {
  const consumer = kafka.consumer({ groupId: GROUP, sessionTimeout: 6000, rebalanceTimeout: 6000 })
  await consumer.connect()
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      check(Number(message.offset) === got[partition].count, `partition ${partition}: offset ${message.offset}`)
      check(`${message.headers.n}` === `${message.key}`, 'a header is lost')
      got[partition].add(message.key, message.value)
    }
  })
  await until('everything is consumed', () => got.every((c, p) => c.count >= sent[p].count))
  await consumer.disconnect() // commits
  got.forEach((c, p) => check(c.same(sent[p]), `partition ${p}: what was consumed is not what was produced`))
}

async function administrate (admin) {
  const [committed] = await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] })
  for (const { partition, offset } of committed.partitions) {
    check(Number(offset) === sent[partition].count, `partition ${partition}: ${offset} is committed`)
  }
  for (const { partition, high } of await admin.fetchTopicOffsets(TOPIC)) {
    check(Number(high) === sent[partition].count, `partition ${partition}: ends at ${high}`)
  }
  const { groups } = await admin.listGroups()
  check(groups.some(g => g.groupId === GROUP), 'the group is not listed')
  await admin.createPartitions({ topicPartitions: [{ topic: TOPIC, count: CODECS.length + 1 }] })
  const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] })
  check(topics[0].partitions.length === CODECS.length + 1, 'no partition was added')
  await admin.deleteTopicRecords({ topic: TOPIC, partitions: [{ partition: 0, offset: '100' }] })
  const first = (await admin.fetchTopicOffsets(TOPIC)).find(e => e.partition === 0)
  check(first.low === '100', `after records were deleted the log starts at ${first.low}`)
  await admin.deleteGroups([GROUP])
  await admin.deleteTopics({ topics: [TOPIC] })
  check(!(await admin.listTopics()).includes(TOPIC), 'a deleted topic is listed')
}

const admin = kafka.admin()
await admin.connect()
check(await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: CODECS.length }] }), 'no topic was made')
for (const idempotent of [false, true]) {
  await produce(idempotent)
  await consume()
}
await administrate(admin)
await admin.disconnect()
console.log('kafkajs: ok')
