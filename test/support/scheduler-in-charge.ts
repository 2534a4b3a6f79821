import kafkajs from 'kafkajs';

const { AssignerProtocol: { MemberAssignment }, Kafka, logLevel } = kafkajs;

/** Instances of schedulers by the partitions of the tasks that they have. Whoever has partition 0 steers what one of several schedulers has to. */
export async function schedulersByPartition(broker: string, prefix: string): Promise<Map<number, string>> {
  const admin = new Kafka({ brokers: broker.split(','), clientId: 'who-has-what', logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const { groups: [group] } = await admin.describeGroups([`${prefix}scheduler`]);
    const partitions = (assignment: Buffer) => (assignment.length === 0 ? [] : MemberAssignment.decode(assignment)?.assignment[`${prefix}tasks`] ?? []);
    return new Map(group?.members.flatMap(({ clientId, memberAssignment }) => partitions(memberAssignment).map((partition) => [partition, clientId])));
  } finally {
    await admin.disconnect();
  }
}
