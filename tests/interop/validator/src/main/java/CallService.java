import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.FhirVersionEnum;
import ca.uhn.fhir.rest.api.server.cdshooks.CdsHooksExtension;
import ca.uhn.fhir.rest.api.server.cdshooks.CdsServiceRequestJson;
import ca.uhn.hapi.fhir.cdshooks.api.json.CdsServiceFeedbackJson;
import ca.uhn.hapi.fhir.cdshooks.api.json.CdsServiceResponseJson;
import ca.uhn.hapi.fhir.cdshooks.api.json.CdsServicesJson;
import ca.uhn.hapi.fhir.cdshooks.module.CdsHooksObjectMapperFactory;
import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonStreamContext;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.deser.DeserializationProblemHandler;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A client of the service at the first argument, by HAPI's own classes of CDS Hooks messages.
 *
 * <p>Reads {@code {"do": "discovery" | "call" | "feedback", "service", "body"}}, one a line: the body is read into the
 * class, written by it, and posted. Writes {@code {"status", "sent", "answer", "unknown"}}: the answer as the class
 * reads and writes it, and the members that it does not know. An answer other than 200 is passed on as it is.
 */
public final class CallService {
  private static final Duration WAITS = Duration.ofSeconds(60);

  private final String base;
  private final ObjectMapper json;
  private final Set<String> unknown = new TreeSet<>();
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(WAITS).build();

  private CallService(String base, FhirVersionEnum version) {
    this.base = base;
    SimpleModule extensions = new SimpleModule();
    extensions.addDeserializer(CdsHooksExtension.class, new ExtensionReader());
    json =
        new CdsHooksObjectMapperFactory(FhirContext.forCached(version))
            .newMapper()
            .registerModule(extensions)
            .setDefaultPropertyInclusion(JsonInclude.Include.NON_NULL)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .addHandler(new Unknown());
    json.configure(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES, false);
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    System.setOut(System.err);
    CallService client = new CallService(arguments[0], FhirVersionEnum.valueOf(arguments[1]));
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      answers.println(client.answer(client.json.readTree(line)).toString());
    }
  }

  private JsonNode answer(JsonNode asked) throws IOException, InterruptedException {
    unknown.clear();
    String service = base + "/cds-services/" + asked.path("service").asText();
    return switch (asked.required("do").asText()) {
      case "discovery" -> told(get(base + "/cds-services"), CdsServicesJson.class, null);
      case "call" -> {
        CdsServiceRequestJson request = json.convertValue(asked.required("body"), CdsServiceRequestJson.class);
        String sent = json.writeValueAsString(request);
        yield told(post(service, sent), CdsServiceResponseJson.class, sent);
      }
      case "feedback" -> {
        // HAPI has a class for one item, and none for the list of them.
        ObjectNode body = json.createObjectNode();
        ArrayNode items = body.putArray("feedback");
        for (JsonNode item : asked.required("body").required("feedback")) {
          items.add(json.valueToTree(json.convertValue(item, CdsServiceFeedbackJson.class)));
        }
        String sent = body.toString();
        yield told(post(service + "/feedback", sent), null, sent);
      }
      default -> throw new IllegalArgumentException(asked.toString());
    };
  }

  private JsonNode told(HttpResponse<String> answer, Class<?> type, String sent) throws IOException {
    ObjectNode told = json.createObjectNode().put("status", answer.statusCode());
    told.set("sent", sent == null ? null : json.readTree(sent));
    if (answer.statusCode() == 200 && type != null) {
      told.set("answer", json.readTree(json.writeValueAsString(json.readValue(answer.body(), type))));
    } else {
      told.set("answer", answer.body().isEmpty() ? null : json.readTree(answer.body()));
    }
    unknown.forEach(told.putArray("unknown")::add);
    return told;
  }

  private HttpResponse<String> get(String address) throws IOException, InterruptedException {
    return send(HttpRequest.newBuilder(URI.create(address)).GET());
  }

  private HttpResponse<String> post(String address, String body) throws IOException, InterruptedException {
    HttpRequest.BodyPublisher written = HttpRequest.BodyPublishers.ofString(body);
    return send(HttpRequest.newBuilder(URI.create(address)).header("Content-Type", "application/json").POST(written));
  }

  private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
    return http.send(
        request.header("Accept", "application/json").timeout(WAITS).build(), HttpResponse.BodyHandlers.ofString());
  }

  /** Notes each member that a class does not know, by its path without numbers, and goes on. */
  private final class Unknown extends DeserializationProblemHandler {
    @Override
    public boolean handleUnknownProperty(
        DeserializationContext context, JsonParser parser, JsonDeserializer<?> reader, Object holder, String name)
        throws IOException {
      StringBuilder path = new StringBuilder(name);
      for (JsonStreamContext at = parser.getParsingContext().getParent(); at != null; at = at.getParent()) {
        if (at.inObject() && at.getCurrentName() != null) {
          path.insert(0, at.getCurrentName() + ".");
        }
      }
      unknown.add(path.toString());
      parser.skipChildren();
      return true;
    }
  }

  /** An extension with whatever members it has. HAPI asks for a class of each service's own. */
  private static final class Extension extends CdsHooksExtension {
    private final Map<String, JsonNode> members = new TreeMap<>();

    @JsonAnyGetter
    public Map<String, JsonNode> members() {
      return members;
    }

    @JsonAnySetter
    public void add(String name, JsonNode value) {
      members.put(name, value);
    }
  }

  private static final class ExtensionReader extends JsonDeserializer<CdsHooksExtension> {
    @Override
    public CdsHooksExtension deserialize(JsonParser parser, DeserializationContext context) throws IOException {
      Extension made = new Extension();
      JsonNode whole = parser.readValueAsTree();
      whole.properties().forEach(member -> made.add(member.getKey(), member.getValue()));
      return made;
    }
  }
}
