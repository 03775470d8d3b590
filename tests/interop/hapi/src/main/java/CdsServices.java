import ca.uhn.fhir.jpa.cache.IResourceChangeListenerCacheRefresher;
import ca.uhn.hapi.fhir.cdshooks.api.ICdsServiceRegistry;
import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Discovery of the CDS services that HAPI's clinical reasoning makes of the plans on this server. */
final class CdsServices extends HttpServlet {
    private static final long serialVersionUID = 1L;

    private final transient ICdsServiceRegistry services;
    private final transient IResourceChangeListenerCacheRefresher plans;
    private final transient ObjectMapper json;

    CdsServices(ICdsServiceRegistry services, IResourceChangeListenerCacheRefresher plans, ObjectMapper json) {
        this.services = services;
        this.plans = plans;
        this.json = json;
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        plans.refreshExpiredCachesAndNotifyListeners();
        response.setContentType("application/json");
        json.writeValue(response.getOutputStream(), services.getCdsServicesJson());
    }
}
