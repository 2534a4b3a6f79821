import { AssignerProtocol, type Assigner, type GroupMember as KafkaMember, type PartitionAssigner } from 'kafkajs';
import { assignCoPartitioned, type GroupMember } from '../assignment.ts';

const NAME = 'TandemCoPartitionedSticky';
const VERSION = 1;
const { MemberAssignment, MemberMetadata } = AssignerProtocol;

/** kafkajs' metadata cache, of which its types show nothing. */
interface Cluster {
  findTopicPartitionMetadata(topic: string): { partitionId: number }[];
}

/**
 * The co-partitioned sticky assignment as a kafkajs assigner. What a member owns travels in its subscription's user
 * data, so whoever leads the group knows it.
 */
export function createAssigner(owned: () => readonly number[]): PartitionAssigner {
  return (config): Assigner => ({
    name: NAME,
    version: VERSION,
    async assign({ members, topics }) {
      const cluster = config.cluster as unknown as Cluster;
      const counts = new Map(topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).length]));
      const assignment = assignCoPartitioned(members.map(decodeMember), counts);
      return [...assignment].map(([memberId, partitions]) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({ version: VERSION, assignment: Object.fromEntries(partitions), userData: Buffer.alloc(0) }),
      }));
    },
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: MemberMetadata.encode({ version: VERSION, topics, userData: encodeOwned(owned()) }),
    }),
  });
}

function decodeMember({ memberId, memberMetadata }: KafkaMember): GroupMember {
  const metadata = MemberMetadata.decode(memberMetadata);
  return { id: memberId, topics: metadata?.topics ?? [], owned: decodeOwned(metadata?.userData ?? Buffer.alloc(0)) };
}

/** 32-bit integers after a version byte. */
export function encodeOwned(owned: readonly number[]): Buffer {
  const encoded = Buffer.alloc(1 + 4 * owned.length);
  encoded.writeUInt8(VERSION, 0);
  owned.forEach((partition, index) => encoded.writeInt32BE(partition, 1 + 4 * index));
  return encoded;
}

/** What cannot be read, from a newer version perhaps, claims nothing. */
export function decodeOwned(encoded: Buffer): number[] {
  if (encoded.length % 4 !== 1 || encoded.readUInt8(0) !== VERSION) return [];
  return Array.from({ length: (encoded.length - 1) / 4 }, (_, index) => encoded.readInt32BE(1 + 4 * index));
}
