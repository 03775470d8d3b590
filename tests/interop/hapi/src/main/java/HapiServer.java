import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.jpa.cache.IResourceChangeListenerCacheRefresher;
import ca.uhn.fhir.jpa.packages.IPackageInstallerSvc;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.rest.api.server.IBundleProvider;
import ca.uhn.fhir.rest.api.server.RequestDetails;
import ca.uhn.fhir.rest.server.HardcodedServerAddressStrategy;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.hapi.fhir.cdshooks.api.ICdsServiceRegistry;
import ca.uhn.hapi.fhir.cdshooks.config.CdsHooksConfig;
import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.servlet.Servlet;
import java.net.InetSocketAddress;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.springframework.beans.factory.config.AutowireCapableBeanFactory;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * Run HAPI's JPA server on a free port of this machine until the standard input ends, and print its address.
 *
 * <p>All paths lead to the same records. {@code /fhir} pages as the library does by default; {@code /10/fhir},
 * {@code /20/fhir} and {@code /100/fhir} send so many a page at most; {@code /10/proxied/fhir} and so on take another
 * address for their own, and {@code /10/gone/fhir} and so on have forgotten every search when its second page is asked
 * for. {@code /cds-services} lists what clinical reasoning offers to every client, and a package that is posted to
 * {@code /packages} is installed.
 */
final class HapiServer {
    /** The base that a server behind a proxy takes for its own. */
    private static final String ELSEWHERE = "http://10.0.0.5:8080/hapi/fhir";

    private static final int[] PAGE_SIZES = {10, 20, 100};

    private HapiServer() {}

    public static void main(String[] arguments) {
        int status = 0;
        try {
            run();
        } catch (Exception fault) {
            fault.printStackTrace();
            status = 1;
        }
        // Threads of the server would keep the process alive.
        Runtime.getRuntime().halt(status);
    }

    private static void run() throws Exception {
        ApplicationContext beans = new AnnotationConfigApplicationContext(HapiConfiguration.class);
        ServletContextHandler paths = new ServletContextHandler();
        add(paths, "/fhir/*", beans.getBean(RestfulServer.class));
        for (int size : PAGE_SIZES) {
            add(paths, "/" + size + "/fhir/*", paging(beans, new DatabaseBackedPagingProvider(), size));
            add(paths, "/" + size + "/gone/fhir/*", paging(beans, new Forgetful(), size));
            RestfulServer proxied = paging(beans, new DatabaseBackedPagingProvider(), size);
            proxied.setServerAddressStrategy(new HardcodedServerAddressStrategy(ELSEWHERE));
            add(paths, "/" + size + "/proxied/fhir/*", proxied);
        }
        ObjectMapper json = beans.getBean(CdsHooksConfig.CDS_HOOKS_OBJECT_MAPPER_FACTORY, ObjectMapper.class);
        ICdsServiceRegistry services = beans.getBean(ICdsServiceRegistry.class);
        IResourceChangeListenerCacheRefresher plans = beans.getBean(IResourceChangeListenerCacheRefresher.class);
        add(paths, "/cds-services", new CdsServices(services, plans, json));
        add(paths, "/packages", new Packages(beans.getBean(IPackageInstallerSvc.class)));

        Server server = new Server(new InetSocketAddress("127.0.0.1", 0));
        server.setHandler(paths);
        server.start();
        int port = ((ServerConnector) server.getConnectors()[0]).getLocalPort();
        System.out.println("http://127.0.0.1:" + port);
        while (System.in.read() >= 0) {
            // Whoever started this server says nothing to it, and is gone when the input ends.
        }
    }

    private static void add(ServletContextHandler paths, String path, Servlet servlet) {
        paths.addServlet(new ServletHolder(path, servlet), path);
    }

    private static RestfulServer paging(ApplicationContext beans, DatabaseBackedPagingProvider pages, int size) {
        AutowireCapableBeanFactory factory = beans.getAutowireCapableBeanFactory();
        factory.autowireBean(pages);
        pages.setDefaultPageSize(size);
        pages.setMaximumPageSize(size);
        RestfulServer server = new RestfulServer(beans.getBean(FhirContext.class));
        server.registerProviders(beans.getBean(ResourceProviderFactory.class).createProviders());
        server.setPagingProvider(pages);
        return server;
    }

    /** Pages whose search is gone when a further one is asked for, as after its time or a restart. */
    private static final class Forgetful extends DatabaseBackedPagingProvider {
        @Override
        public synchronized IBundleProvider retrieveResultList(RequestDetails request, String search) {
            return null;
        }
    }
}
