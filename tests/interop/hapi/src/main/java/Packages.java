import ca.uhn.fhir.jpa.packages.IPackageInstallerSvc;
import ca.uhn.fhir.jpa.packages.PackageInstallationSpec;
import ca.uhn.fhir.jpa.packages.PackageInstallationSpec.InstallModeEnum;
import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.List;

/** Installation of a FHIR package, with the parameters {@code name}, {@code version} and {@code types}. */
final class Packages extends HttpServlet {
    private static final long serialVersionUID = 1L;

    private final transient IPackageInstallerSvc installer;

    Packages(IPackageInstallerSvc installer) {
        this.installer = installer;
    }

    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
        PackageInstallationSpec wanted = new PackageInstallationSpec()
                .setName(request.getParameter("name"))
                .setVersion(request.getParameter("version"))
                .setInstallMode(InstallModeEnum.STORE_AND_INSTALL)
                .setFetchDependencies(false)
                .setPackageContents(request.getInputStream().readAllBytes());
        wanted.setInstallResourceTypes(List.of(request.getParameter("types").split(",")));
        response.setContentType("application/json");
        new ObjectMapper().writeValue(response.getOutputStream(), installer.install(wanted));
    }
}
