import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.FhirVersionEnum;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.context.support.ValidationSupportContext;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.utilities.http.ManagedWebAccess;

/**
 * Read {@code {"name", "version", "resource"}}, one a line, and write {@code {"name", "issues"}} for each.
 *
 * <p>The definitions come from HAPI's artifacts alone. A line with {@code "define": true} adds its resource to them,
 * such as an extension or a Measure, and writes nothing; it comes before what uses it. No terminology server is asked: a code of a system whose
 * content is not in the artifacts is a warning at most.
 */
public final class Validate {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .build();

  private final Map<FhirVersionEnum, Version> versions = new EnumMap<>(FhirVersionEnum.class);

  public static void main(String[] arguments) throws IOException {
    // Libraries write to standard output, which is for the answers alone.
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    System.setOut(System.err);
    // The validator's own parts would look for packages on the network.
    ManagedWebAccess.setAccessPolicy(ManagedWebAccess.WebAccessPolicy.PROHIBITED);
    Validate validate = new Validate();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode asked = JSON.readTree(line);
      Version version = validate.version(asked.required("version").asText());
      String resource = JSON.writeValueAsString(asked.required("resource"));
      if (asked.path("define").asBoolean()) {
        version.define(resource);
      } else {
        answers.println(version.issues(asked.required("name").asText(), resource));
      }
    }
  }

  private Version version(String name) {
    FhirVersionEnum named = "STU3".equals(name) ? FhirVersionEnum.DSTU3 : FhirVersionEnum.valueOf(name);
    return versions.computeIfAbsent(named, Version::new);
  }

  /** The validator of one version of FHIR, which is made at the first resource. */
  private static final class Version {
    private final FhirContext context;
    private final Definitions ours;
    private ValidationSupportChain chain;
    private FhirValidator made;

    Version(FhirVersionEnum version) {
      context = FhirContext.forCached(version);
      ours = new Definitions(context);
    }

    void define(String resource) throws IOException {
      String url = JSON.readTree(resource).required("url").asText();
      ours.define(url, context.newJsonParser().parseResource(resource));
    }

    String issues(String name, String resource) throws IOException {
      ObjectNode answer = JSON.createObjectNode().put("name", name);
      ArrayNode issues = answer.putArray("issues");
      for (SingleValidationMessage found : validator().validateWithResult(whole(resource)).getMessages()) {
        issues
            .addObject()
            .put("severity", found.getSeverity().getCode())
            .put("location", found.getLocationString() == null ? "" : found.getLocationString())
            .put("kind", found.getMessageId() == null ? "" : found.getMessageId())
            .put("message", found.getMessage());
      }
      return JSON.writeValueAsString(answer);
    }

    /** Return a definition by its differential with a snapshot, which the validator does not make itself. */
    private String whole(String resource) throws IOException {
      JsonNode tree = JSON.readTree(resource);
      if (!"StructureDefinition".equals(tree.path("resourceType").asText()) || tree.has("snapshot")) {
        return resource;
      }
      validator();
      IBaseResource made =
          chain.generateSnapshot(
              new ValidationSupportContext(chain),
              context.newJsonParser().parseResource(resource),
              tree.path("url").asText(),
              null,
              tree.path("name").asText());
      return context.newJsonParser().encodeResourceToString(made);
    }

    private FhirValidator validator() {
      if (made == null) {
        UnknownCodeSystemWarningValidationSupport unknown = new UnknownCodeSystemWarningValidationSupport(context);
        unknown.setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.WARNING);
        chain =
            new ValidationSupportChain(
                new DefaultProfileValidationSupport(context),
                ours,
                new CommonCodeSystemsTerminologyService(context),
                new InMemoryTerminologyServerValidationSupport(context),
                unknown,
                new SnapshotGeneratingValidationSupport(context));
        FhirInstanceValidator instances = new FhirInstanceValidator(chain);
        // A profile of others is not in the artifacts: a warning, which the tests must know.
        instances.setErrorForUnknownProfiles(false);
        made = context.newValidator().registerValidatorModule(instances);
      }
      return made;
    }
  }
  /** What was defined by lines; HAPI's own support holds no Measure. */
  private static final class Definitions extends PrePopulatedValidationSupport {
    private final Map<String, IBaseResource> byUrl = new HashMap<>();

    Definitions(FhirContext context) {
      super(context);
    }

    void define(String url, IBaseResource resource) {
      byUrl.put(url, resource);
      addResource(resource);
    }

    @Override
    public <T extends IBaseResource> T fetchResource(Class<T> type, String url) {
      IBaseResource found = byUrl.get(url);
      return type != null && type.isInstance(found) ? type.cast(found) : super.fetchResource(type, url);
    }
  }
}
