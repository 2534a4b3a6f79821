import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** What a stranger writes: a request as JSON with a key of its own, and a consumer that waits for the response. */
class PlainClient {
  public static void main(String[] arguments) throws Exception {
    String brokers = arguments[0], prefix = arguments[1], requestId = arguments[2], request = arguments[3];
    Properties properties = new Properties();
    properties.put("bootstrap.servers", brokers);
    properties.put("group.id", "plain-" + UUID.randomUUID());
    properties.put("auto.offset.reset", "earliest");
    for (String side : List.of("key", "value")) {
      properties.put(side + ".serializer", "org.apache.kafka.common.serialization.StringSerializer");
      properties.put(side + ".deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    }
    try (var producer = new KafkaProducer<String, String>(properties)) {
      producer.send(new ProducerRecord<>(prefix + "requests", "any key", request)).get();
    }
    try (var consumer = new KafkaConsumer<String, String>(properties)) {
      consumer.subscribe(List.of(prefix + "responses"));
      for (long until = System.currentTimeMillis() + 60_000; System.currentTimeMillis() < until; ) {
        for (var record : consumer.poll(Duration.ofMillis(200))) {
          if (!record.value().contains("\"" + requestId + "\"")) continue;
          System.out.println(record.value());
          return;
        }
      }
    }
    System.exit(1);
  }
}
